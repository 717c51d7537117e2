import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnLeashed } from "../support/leash.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const MIB = 2 ** 20;
let work = "";
let tarball = "";
let program = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "gigastt-package-test-"));
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  tarball = run(process.execPath, "scripts/package.js", work).trim();
  // An empty cache and no network: whatever is missing in the tarball would be missed here.
  const prefix = join(work, "prefix");
  run("npm", "install", "--global", "--offline", "--prefix", prefix, "--cache", join(work, "cache"), tarball);
  program = join(prefix, "bin", "gigastt");
}, 300_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

it("the tarball is of moderate size and installs without a network, a compiler or an install script", () => {
  expect(statSync(tarball).size).toBeLessThan(64 * MIB);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }; // our own file
  expect(execFileSync(program, ["--version"], { encoding: "utf8" })).toBe(`gigastt ${version}\n`);
});

it("the installed program starts the service, which recognises a recording, and stops cleanly", async () => {
  const home = join(work, "home");
  mkdirSync(home);
  const { child, stop } = spawnLeashed(program, ["up", "--set", "server.port=0"], {
    cwd: home,
    env: { PATH: process.env["PATH"], HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  try {
    await expect.poll(() => output, { timeout: 60_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? "";
    const body = readFileSync(join(root, "models", "samples", "sample_1.wav"));
    const response = await fetch(`${url}/v1/transcribe?format=txt`, { method: "POST", body });
    expect(await response.text()).toContain("температуру");
    child.kill("SIGTERM");
    await expect.poll(() => child.exitCode, { timeout: 20_000 }).toBe(0);
  } finally {
    await stop();
  }
}, 120_000);
