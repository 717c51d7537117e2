import { spawn } from "node:child_process";

/** Ends a child when the supervisor itself is gone without having been able to. */
export interface Guard {
  /** The process that may finish first: a proxy stays until the runtime behind it has drained. */
  outlive(pid: number | undefined): void;
  /** The child has ended: nothing is left to guard. */
  release(): void;
}

/**
 * Our own runtime notices a closed channel; other people's programs do not. A shell of about a megabyte reads from a pipe
 * whose other end only we hold: its end is our end, also after SIGKILL, and on every system with a shell.
 *
 * @param pid the child, leader of its own process group
 * @param options `early`: signal that makes it take no new work, sent at once; `patienceMs`: longest wait for the process to outlive
 */
export function guardChild(
  pid: number,
  options: { readonly early: NodeJS.Signals | undefined; readonly patienceMs: number },
): Guard {
  const shell = spawn(
    "/bin/sh",
    [
      "-c",
      SCRIPT,
      "gigastt-guard",
      String(pid),
      options.early?.slice(3) ?? "",
      String(Math.ceil(options.patienceMs / STEP_MS)),
    ],
    // A group of its own: Ctrl-C in the terminal is for us alone.
    { stdio: ["pipe", "ignore", "ignore"], detached: true },
  );
  // Without a shell the next `up` still finds the child in children.json.
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  return {
    outlive: (other) => void shell.stdin.write(`${other ?? ""}\n`),
    release: () => void shell.stdin.end("bye\n"),
  };
}

// ---

const STEP_MS = 200;

/** $1 child, $2 early signal, $3 steps of patience. */
const SCRIPT = `
other=
while read -r line; do
  [ "$line" = bye ] && exit 0
  other=$line
done
[ -n "$2" ] && kill -s "$2" "$1" 2>/dev/null
i=0
while [ -n "$other" ] && kill -0 "$other" 2>/dev/null && [ "$i" -lt "$3" ]; do sleep 0.2; i=$((i + 1)); done
kill -s TERM "$1" 2>/dev/null
i=0
while kill -0 "$1" 2>/dev/null && [ "$i" -lt 25 ]; do sleep 0.2; i=$((i + 1)); done
kill -s KILL -- "-$1" 2>/dev/null
exit 0
`;
