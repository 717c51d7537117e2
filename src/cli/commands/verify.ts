import type { Verdict } from "../../audit/observe/verdict.ts";
import { runVerify } from "../../checks/verify/run.ts";
import { printable } from "../../shared/text/printable.ts";
import { BYTES_PATTERN, parseBytes } from "../../shared/units.ts";
import type { Command, CommandContext } from "../command.ts";
import { OUTSIDE_FLAGS, outsideTarget } from "../outside-target.ts";
import { paintFor, writeJson } from "../output.ts";

export const command: Command = {
  summary: "Check a deployment from outside, with real requests",
  topic: "deploy",
  rank: 2,
  positionals: "URL",
  flags: {
    ...OUTSIDE_FLAGS,
    "body-limit": { type: "string", value: "SIZE", describe: "largest upload; default 50MiB" },
    timeout: { type: "string", value: "SECONDS", describe: "timeout of one request; default 30" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  help: `Certificate, redirect, health, authentication, headers, file, event stream, live session, upload limit: each is checked with a real request. It sends one second of sound and about 40 requests, only to the given URL, and stops at a failure that makes every later check fail. It asks for the user's password; without a terminal it reads it from standard input, --password-file or GIGASTT_PASSWORD.

  gigastt verify https://stt.example.com --open
  gigastt verify https://stt.example.com --user anna
  gigastt verify https://stt.example.com --user anna --password-file anna.txt
`,
  run: verify,
};

// ---

async function verify(context: CommandContext): Promise<number> {
  const { stdout, flags } = context;
  const limit = typeof flags["body-limit"] === "string" ? flags["body-limit"] : "50MiB";
  const bodyBytes = parseBytes(limit);
  const target = await outsideTarget(context, {
    address: context.positionals[0],
    name: "URL",
    timeoutS: 30,
    command: "verify",
    mistakes:
      bodyBytes === undefined ? [`--body-limit must be a size such as 50MiB, got "${limit}" (${BYTES_PATTERN})`] : [],
  });
  const json = flags["json"] === true;
  const paint = paintFor(stdout, context);
  const results: { id: string; ok: boolean; detail: string }[] = [];
  const notRun = await runVerify({
    target,
    open: flags["open"] === true,
    bodyBytes: bodyBytes ?? 0,
    onResult: ({ id, title }, verdict) => {
      const isOk = verdict.result === "ok";
      const detail = printable(detailOf(verdict), 1000);
      results.push({ id, ok: isOk, detail });
      if (!json) stdout.write(`${isOk ? paint.green("ok    ") : paint.red("FAILED")}  ${title}: ${detail}\n`);
    },
  });
  const failed = results.filter(({ ok }) => !ok).length;
  const ok = failed === 0 && notRun.length === 0;
  if (json) writeJson(stdout, { url: target.url.origin, ok, checks: results, notRun: notRun.map(({ id }) => id) });
  else if (failed > 0 || notRun.length > 0)
    context.stderr.write(
      `${failed} of ${results.length} checks failed.${notRun.length === 0 ? "" : ` ${notRun.length} were not run: ${failed === 0 ? "stopped" : "fix this first"}.`}\n`,
    );
  return ok ? 0 : 1;
}

/** The verdict in one line: what was seen, or every problem with its cure. */
function detailOf(verdict: Verdict): string {
  if (verdict.result === "ok") return verdict.detail;
  if (verdict.result === "not-checked") return `could not be checked: ${verdict.reason}`;
  const cures = new Set(verdict.problems.map(({ fix }) => fix));
  return `${verdict.problems.map(({ message }) => message).join("; ")}. ${[...cures].join(" ")}`;
}
