import { fileURLToPath } from "node:url";
import { messageOf } from "../../shared/errors.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import { readVersion } from "../../shared/version.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadOptions, SERVER_FLAGS } from "../load-config.ts";
import { paintFor } from "../output.ts";
import { renderProblems } from "../problems.ts";
import { qrCode } from "../qr-code.ts";
import { loadConfigInHelper } from "../../supervisor/helpers/load-config.ts";
import type { UpOptions } from "../../supervisor/up.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Run the server under the supervisor",
  topic: "run",
  rank: 1,
  flags: {
    ...SERVER_FLAGS,
    ...STATE_FLAGS,
    pull: { type: "boolean", describe: "while the demo model is in use, download the real one and switch to it" },
    "no-pull": { type: "boolean", describe: "do not ask about the real model" },
    detach: { type: "boolean", short: "d", describe: "return once it is serving; stop it with `gigastt down`" },
  },
  help:
    "While the demo model is in use it asks once, on a terminal, whether to download the real model; the switch interrupts nothing.\n" +
    "Starts the runtime, waits until it is ready, restarts it when it fails. In a terminal it shows a live view, and with server.lan a QR code of the address for phones.\n" +
    "Keys there: r reload, R restart, l log level, f filter the log, o open the page, q stop.\n" +
    "Ctrl-C drains: running work finishes, then it exits with 0. Ctrl-C again stops at once.\n" +
    "Exit code: 0 drained cleanly, 1 not ready or not drained cleanly, 2 configuration.",
  ownSignals: true,
  run: async (context) => {
    try {
      return await start(context);
    } catch (error) {
      // The command that waits for a detached start says why there is none.
      if (process.send !== undefined) {
        const { reportStart } = await import("../../supervisor/detach.ts");
        reportStart({ ok: false, text: `gigastt: ${messageOf(error)}` });
      }
      throw error;
    }
  },
};

// ---

async function start(context: CommandContext): Promise<number> {
  // Apart: the supervisor would keep the memory of parser and validator for as long as it lives.
  const load = (): ReturnType<typeof loadConfigInHelper> => loadConfigInHelper(loadOptions(context));
  const loaded = await load();
  if (loaded.warnings.length > 0) {
    context.stderr.write(`${renderProblems(loaded.warnings, undefined, paintFor(context.stderr, context))}\n`);
  }
  const paths = configuredStatePaths(loaded.config.supervisor.stateDir, context);
  const { shouldPull } = await import("../models/offer.ts");
  const pull = await shouldPull(context, loaded.config.model);
  if (context.flags["detach"] === true) return detach(context, paths);
  const [{ up }, { reportStart }] = await Promise.all([
    import("../../supervisor/up.ts"),
    import("../../supervisor/detach.ts"),
  ]);
  return up({
    loaded,
    load,
    paths,
    env: context.env,
    version: readVersion(),
    readVersion,
    stdout: context.stdout,
    stderr: context.stderr,
    signals: process,
    interrupt: () => process.kill(process.pid, "SIGINT"),
    ...(await terminalParts(context)),
    onStarted: reportStart,
    pull,
  });
}

/** What only a terminal can show: TERM=dumb cannot move its cursor. */
async function terminalParts(context: CommandContext): Promise<Pick<UpOptions, "makeView" | "addressPicture">> {
  if (context.stdout.isTTY !== true) return {};
  const addressPicture = (url: string): Promise<string | undefined> => qrCode(url, context);
  if (context.env["TERM"] === "dumb") return { addressPicture };
  const { createLiveView, keyboardOf, openInBrowser } = await import("../live/view.ts");
  return {
    addressPicture,
    makeView: (options) =>
      createLiveView({
        ...options,
        paint: paintFor(context.stdout, context),
        keyboard: keyboardOf(context.stdin),
        open: (url) => openInBrowser(url, context.env),
      }),
  };
}

async function detach(context: CommandContext, paths: ReturnType<typeof configuredStatePaths>): Promise<number> {
  const { startDetached } = await import("../../supervisor/detach.ts");
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    const report = await startDetached({
      argv: [fileURLToPath(new URL("bin/gigastt.js", installationRoot())), "up", ...sameFlags(context)],
      paths,
      env: context.env,
      cwd: context.cwd,
      signal: interrupted.signal,
    });
    (report.ok ? context.stdout : context.stderr).write(
      report.ok ? `${report.text} (pid ${report.pid})\n` : `${report.text}\n`,
    );
    return report.ok ? 0 : 1;
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** The flags of this command line, but for `--detach`, as arguments. */
function sameFlags({ flags }: CommandContext): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (name === "detach" || value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return (typeof value === "string" ? [value] : value).map((one) => `--${name}=${one}`);
  });
}
