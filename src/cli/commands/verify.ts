import { messageOf } from "../../shared/errors.ts";
import { BYTES_PATTERN, parseBytes } from "../../shared/units.ts";
import type { Command, CommandContext } from "../command.ts";
import type { VerifyTarget } from "../deploy/verify/check.ts";
import { CHECKS } from "../deploy/verify/checks.ts";
import { OUTSIDE_FLAGS, outsideTarget } from "../outside-target.ts";
import { paintFor, writeJson } from "../output.ts";

export const command: Command = {
  summary: "Prove a deployment from outside",
  topic: "deploy",
  rank: 2,
  positionals: "URL",
  flags: {
    ...OUTSIDE_FLAGS,
    "body-limit": { type: "string", value: "SIZE", describe: "largest upload; default 50MiB" },
    timeout: { type: "string", value: "SECONDS", describe: "longest wait for one answer; default 30" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  help: `Certificate, redirect, health, authentication, headers, file, event stream, live session, upload limit: each line is proved by a real request. It sends one second of sound and about 20 requests, only to the URL given. The password of a user is asked for; without a terminal it is read from standard input, --password-file or GIGASTT_PASSWORD.

  gigastt verify https://stt.example.com --open
  gigastt verify https://stt.example.com --user anna
  gigastt verify https://stt.example.com --user anna --password-file anna.txt
`,
  run: verify,
};

// ---

async function verify(context: CommandContext): Promise<number> {
  const target = await targetOf(context);
  const { stdout, flags } = context;
  const paint = paintFor(stdout, context);
  const results: { id: string; ok: boolean; detail: string }[] = [];
  const checks = CHECKS.filter((check) => check.tls !== true || target.url.protocol === "https:");
  for (const check of checks) {
    if (context.signal.aborted) break;
    let result: { ok: boolean; detail: string };
    try {
      result = { ok: true, detail: await check.run(target) };
    } catch (error) {
      result = { ok: false, detail: messageOf(error) };
    }
    results.push({ id: check.id, ...result });
    if (flags["json"] !== true)
      stdout.write(`${result.ok ? paint.green("ok    ") : paint.red("FAILED")}  ${check.title}: ${result.detail}\n`);
  }
  const failed = results.filter(({ ok }) => !ok).length;
  if (flags["json"] === true) writeJson(stdout, { url: target.url.origin, ok: failed === 0, checks: results });
  else if (failed > 0) context.stderr.write(`${failed} of ${results.length} checks failed.\n`);
  return failed === 0 && results.length === checks.length ? 0 : 1;
}

async function targetOf(context: CommandContext): Promise<VerifyTarget> {
  const { flags, positionals } = context;
  const limit = typeof flags["body-limit"] === "string" ? flags["body-limit"] : "50MiB";
  const bodyBytes = parseBytes(limit);
  const target = await outsideTarget(context, {
    address: positionals[0],
    name: "URL",
    timeoutS: 30,
    command: "verify",
    mistakes:
      bodyBytes === undefined ? [`--body-limit must be a size such as 50MiB, got "${limit}" (${BYTES_PATTERN})`] : [],
  });
  return { ...target, open: flags["open"] === true, bodyBytes: bodyBytes ?? 0 };
}
