import { GigasttError } from "../../shared/errors.ts";
import { callControl } from "../../supervisor/control/client.ts";
import type { Command } from "../command.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";
import { sleep } from "../../shared/time/timers.ts";

export const command: Command = {
  summary: "Drain and stop the running server and its supervisor",
  topic: "run",
  rank: 10,
  flags: { ...STATE_FLAGS, now: { type: "boolean", describe: "do not drain" } },
  help: "Does nothing when it is not running. Exit code: 0 stopped, 1 not drained cleanly or not stopped.",
  aboutService: true,
  run: async (context) => {
    const paths = await findStatePaths(context);
    try {
      const result = await callControl({
        socket: paths.controlSocket,
        cmd: "down",
        args: { now: context.flags["now"] === true },
        timeoutMs: STOP_TIMEOUT_MS,
        signal: context.signal,
      });
      const clean = typeof result === "object" && result !== null && Reflect.get(result, "clean") === true;
      const end: unknown = typeof result === "object" && result !== null ? Reflect.get(result, "end") : undefined;
      await waitForExit(paths);
      context.stdout.write(clean ? "stopped\n" : `stopped, but not cleanly: ${String(end)}\n`);
      return clean || context.flags["now"] === true ? 0 : 1;
    } catch (error) {
      if (!(error instanceof GigasttError) || error.code !== "GST_NOT_RUNNING") throw error;
      context.stdout.write("gigastt is not running\n");
      return 0;
    }
  },
};

// ---

/** Longer than any drain the schema allows would be silly to wait for without a word: the supervisor answers when it is done. */
const STOP_TIMEOUT_MS = 15 * 60_000;

/** Returns once the supervisor's process is gone, so that the next command finds a free port and state directory. */
async function waitForExit(paths: Awaited<ReturnType<typeof findStatePaths>>): Promise<void> {
  const { readClaim } = await import("../../supervisor/state/claim.ts");
  const { isAlive } = await import("../../shared/process/process-identity.ts");
  const claim = await readClaim(paths);
  if (claim === undefined) return;
  for (let round = 0; round < 100; round++) {
    if (!isAlive(claim)) return;
    await sleep(50);
  }
}
