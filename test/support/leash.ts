import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";

/** A program that does not outlive the test process, however that one ends. */
export interface Leashed {
  readonly child: ChildProcess;
  /** Sends SIGTERM, waits at most `graceMs`, then kills the whole process group. */
  stop(graceMs?: number): Promise<void>;
  /** Kills the whole process group at once. */
  kill(): Promise<void>;
}

/** Starts a program in a process group of its own; a timed-out test, an aborted run or `kill -9` of the test process end the group too. */
export function spawnLeashed(command: string, argv: readonly string[], options: SpawnOptions = {}): Leashed {
  const child = spawn(command, argv, { ...options, detached: true });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const group = child.pid;
  const leash = group === undefined ? undefined : whenWeEnd(`kill -9 -${group}`);
  const kill = async (): Promise<void> => {
    if (group !== undefined) signalGroup(group, "SIGKILL");
    await gone;
    leash?.cancel();
  };
  return {
    child,
    kill,
    stop: async (graceMs = 5000) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
        await gone;
        clearTimeout(timer);
      }
      await kill();
    },
  };
}

/**
 * Runs a shell command once this process has ended, whichever way: a shell waits for the end of a pipe that only we hold.
 * Returns how to let it go, and the shell itself.
 */
export function whenWeEnd(script: string): { cancel(): void; readonly shell: ChildProcess } {
  const shell = spawn("sh", ["-c", `read -r line; [ "$line" = done ] || { ${script}; } 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.stdin!.on("error", () => {});
  shell.unref();
  return { shell, cancel: () => void shell.stdin!.end("done\n") };
}

// ---

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended already.
  }
}
