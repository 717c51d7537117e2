import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli, createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

const run = promisify(execFile);
const CONFIG =
  "server:\n  port: 0\nauth:\n  keys: required\nshutdown:\n  drain: 1s\nsupervisor:\n  watchConfig: false\n";

let place: RealPlace;
beforeAll(() => {
  place = createRealPlace(CONFIG);
});
afterAll(() => place.cleanUp());

const here = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string }> =>
  run(process.execPath, [cli, ...args], { cwd: place.dir, env: { ...place.env, ...env } });
const createKey = async (name: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> =>
  (await here(["secrets", "create", "key", name, ...args], env)).stdout.trim();
const statusWith = async (url: string, key: string): Promise<number> =>
  (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;

describe("a key that `gigastt secrets` makes is the running server's", () => {
  it.each([
    ["--state-dir", ["--state-dir", "state"], {}, ""],
    ["--set", ["--set", "supervisor.stateDir=state"], {}, ""],
    ["a variable", [], { GIGASTT_SUPERVISOR_STATE_DIR: "state" }, ""],
    ["a relative path in the file", [], {}, "  stateDir: state\n"],
  ])("with the state folder named by %s", async (how, args, env, more) => {
    place.writeConfig(`${CONFIG}${more}`);
    const { stdout } = await here(["up", "--detach", ...args], env);
    const url = /http:\/\/[^\s,]+/.exec(stdout)?.[0] ?? "";
    const status = async (): Promise<string> => (await here(["status", ...args], env)).stdout;
    if (how === "--state-dir")
      await expect
        .poll(status, { timeout: 10_000 })
        .toContain("[no_api_keys]\n    → gigastt secrets create key NAME\n");
    const key = await createKey(how.replaceAll(/[^a-z]/g, ""), args, env);
    await expect.poll(() => statusWith(url, key), { timeout: 5000 }).toBe(200);
    expect(await statusWith(url, `${key}x`)).toBe(401);
    await expect.poll(status, { timeout: 10_000 }).toMatch(/ {2}keys {6}\d keys?, required for every request\n/);
    await here(["down", ...args], env);
  });
});
