import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { spawnLeashed } from "./leash.ts";

/** The environment with the clients of `.ci/python-clients.txt`; another one by GIGASTT_CLIENTS. */
const python = `${process.env["GIGASTT_CLIENTS"] ?? "/opt/gigastt-clients"}/bin/python`;

/** Why a suite that needs these modules cannot run here; undefined when it can. */
export function missingPython(...modules: readonly string[]): string | undefined {
  if (!existsSync(python)) return "no Python clients: run .ci/tools.sh";
  const found = spawnSync(python, ["-c", `import ${modules.join(", ")}`]);
  return found.status === 0 ? undefined : `Python without ${modules.join(", ")}: run .ci/tools.sh`;
}

/** As `runPython`, while this process goes on: for clients of a server in it. */
export async function talkPython(fixture: string, input: unknown, args: readonly string[] = []): Promise<unknown> {
  const program = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
  const leash = spawnLeashed(python, [program, ...args], { env: { ...process.env, PYTHONUTF8: "1" }, stdio: "pipe" });
  const { stdin, stdout, stderr } = leash.child;
  const output = Promise.all([stdout, stderr].map((stream) => text(stream!))); // both are pipes
  stdin!.end(JSON.stringify(input));
  const [out, err] = await output;
  await leash.stop();
  if (leash.child.exitCode !== 0) throw new Error(`${fixture} ended with ${leash.child.exitCode}: ${err}`);
  return JSON.parse(out!);
}

/** Runs a program of test/fixtures with a JSON value as its input; returns the JSON value it prints. */
export function runPython(fixture: string, input: unknown): unknown {
  const program = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [program], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 256 * 2 ** 20,
    env: { ...process.env, PYTHONUTF8: "1" },
  });
  if (status !== 0) throw new Error(`${fixture} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
