import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { identify, isAlive } from "../../../src/shared/process/process-identity.ts";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { isStatusReport } from "../../../src/supervisor/status/status.ts";
import type { StatusReport } from "../../../src/supervisor/status/status.ts";
import { childNotes, until } from "./harness.ts";

export const cli: string = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));

/** A folder with a configuration in which the real `gigastt up` serves the demo model. */
export interface RealPlace {
  readonly dir: string;
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  writeConfig(text: string): void;
  gigastt(...args: string[]): Promise<{ stdout: string; stderr: string }>;
  /** Starts it detached; the URL. */
  up(): Promise<string>;
  control(cmd: string): Promise<unknown>;
  status(): Promise<StatusReport>;
  /** Polls `status` until the runtime is ready and started at least this often without being asked. */
  readyAfter(restarts: number): Promise<StatusReport>;
  /** Living processes that were started in this place: their HOME is its folder. Linux. */
  processes(): readonly number[];
  cleanUp(): Promise<void>;
}

const WITH_STATE: ReadonlySet<string> = new Set(["up", "status", "down", "logs", "restart", "reload", "upgrade"]);
const run = promisify(execFile);

export function createRealPlace(config: string): RealPlace {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-real-"));
  const stateDir = join(dir, "state");
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data") };
  const writeConfig = (text: string): void => writeFileSync(join(dir, "gigastt.config.yaml"), text);
  const gigastt = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, [cli, ...args, ...(WITH_STATE.has(args[0] ?? "") ? ["--state-dir", stateDir] : [])], {
      cwd: dir,
      env,
    });
  const control = (cmd: string): Promise<unknown> =>
    callControl({ socket: join(stateDir, "control.sock"), cmd, timeoutMs: 90_000 });
  const status = async (): Promise<StatusReport> => {
    const answer = await control("status");
    if (!isStatusReport(answer)) throw new Error("no status report");
    return answer;
  };
  writeConfig(config);
  return {
    dir,
    stateDir,
    env,
    writeConfig,
    gigastt,
    up: async () => /http:\/\/[^\s,]+/.exec((await gigastt("up", "--detach")).stdout)?.[0] ?? "",
    control,
    status,
    readyAfter: (restarts) =>
      until(
        `ready after ${restarts} restarts`,
        async () => {
          const found = await status();
          const [runtime] = found.processes;
          return runtime?.state === "ready" && runtime.restarts >= restarts ? found : undefined;
        },
        60_000,
      ),
    processes: () => processesWithHome(dir),
    cleanUp: async () => {
      await gigastt("down", "--now").catch(() => {});
      for (const note of childNotes(stateDir)) if (isAlive(note)) process.kill(note.pid, "SIGKILL");
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

// ---

function processesWithHome(home: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${home}\0`) && identify(pid) !== undefined;
      } catch {
        // Gone in between, or not ours to read.
        return false;
      }
    });
}
