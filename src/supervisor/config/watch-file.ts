import { stat } from "node:fs/promises";
import { setInterval } from "../../shared/time/timers.ts";

/**
 * Calls back when a file's content may have changed and has been still for one round. Polls: events of the file
 * system do not arrive from network disks and bind mounts, and editors replace files instead of writing them.
 */
export function watchFile(path: string, intervalMs: number, onChange: () => void): { close(): void } {
  let known: string | undefined;
  let pending = false;
  let first = true;
  const look = async (): Promise<void> => {
    const now = await fingerprint(path);
    if (first) {
      first = false;
      known = now;
    } else if (now !== known) {
      known = now;
      pending = true;
    } else if (pending) {
      pending = false;
      onChange();
    }
  };
  void look();
  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch {
    return "missing";
  }
}
