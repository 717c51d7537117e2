import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { spawnLeashed, whenWeEnd } from "../../support/leash.ts";

const grandchild = "sleep 600 & echo $!; wait";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("programs of the tests", () => {
  it("end with all their children when they are stopped, also when they ignore SIGTERM", async () => {
    for (const script of [grandchild, `trap '' TERM; ${grandchild}`]) {
      const leashed = spawnLeashed("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
      const [line] = await once(leashed.child.stdout!, "data");
      const pid = Number(line);
      expect(isAlive(pid)).toBe(true);
      await leashed.stop(100);
      await gone(pid);
      expect(leashed.child.signalCode ?? leashed.child.exitCode).not.toBeNull();
    }
  });

  it("end when the test process ends without a word", async () => {
    // What the kernel does at the end of a process: its side of the pipe closes.
    const leashed = spawnLeashed("sh", ["-c", grandchild], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = await once(leashed.child.stdout!, "data");
    const { shell } = whenWeEnd(`kill -9 -${leashed.child.pid}`);
    shell.stdin!.destroy();
    await gone(Number(line));
    await leashed.kill();
  });

  it("are left alone once they have been let go", async () => {
    const { shell, cancel } = whenWeEnd("exit 3");
    cancel();
    expect((await once(shell, "exit"))[0]).toBe(0);
  });
});
