import { stat } from "node:fs/promises";
import type { Issue } from "../status/issues.ts";

/** A child that runs, and the file it was started from. */
export interface RunningProgram {
  readonly name: string;
  readonly binary: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
}

/** Returns a notice for each child whose program was replaced since it started: it runs the old one until it is restarted. */
export async function replacedPrograms(running: readonly RunningProgram[]): Promise<readonly Issue[]> {
  const found = await Promise.all(
    running.map(async ({ name, binary, startedAtMs }): Promise<readonly Issue[]> => {
      // Not mtime: a package keeps that of its build.
      const changedAtMs = await stat(binary).then(
        (about) => about.ctimeMs,
        () => 0,
      );
      if (changedAtMs <= startedAtMs) return [];
      return [
        {
          id: "program_replaced",
          severity: "notice",
          text: `${binary} was changed after ${name} started: the old program is still running`,
          cure: "gigastt down, then gigastt up",
        },
      ];
    }),
  );
  return found.flat();
}
