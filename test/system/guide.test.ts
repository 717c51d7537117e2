import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docCommands, type DocCommand } from "../support/doc-commands.ts";
import { differenceToShown } from "../support/shown-output.ts";

/** Commands of the guide that nobody can try without the internet, and what they would do there. */
const NEEDS_INTERNET: Readonly<Record<string, string>> = {
  "./gigastt models pull": "downloads 226 MB",
  "./gigastt audit --live https://stt.example.com --consent --config gigastt.config.yaml": "asks a public host",
};
/** What the reader has and a test machine lacks: his recordings, a converter, root by password. */
const RECORDINGS = { "interview.m4a": "tiny.m4a", "film.mp3": "tiny.mp3", "talk.mkv": "tiny.wav" };
const PROGRAMS = { ffmpeg: '#!/bin/sh\ncat "$2"\n', sudo: '#!/bin/sh\nexec "$@"\n' };
/** Exit codes that are no failure: what this machine is like is not the guide's business. */
const MAY_FIND = /^(?:sudo \.\/gigastt audit host|\.\/gigastt doctor)$/;

const checkout = fileURLToPath(new URL("../../", import.meta.url));
const commandOf = ({ text }: DocCommand): string => text.replace(/\s+#.*$/u, "");

/** Home, programs and the clone, whose name has a blank as many have. */
let place = "";
let dir = "";
let env: NodeJS.ProcessEnv = {};
let url = "";
/** The `up` that holds the first terminal. */
let held: { readonly child: ChildProcess; readonly ended: Promise<unknown>; readonly output: () => string } | undefined;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "gigastt-guide-"));
  dir = freshCopy(join(place, "my gigastt"));
  mkdirSync(join(place, "programs"));
  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(place, "programs", name), text);
    chmodSync(join(place, "programs", name), 0o755);
  }
  for (const [name, fixture] of Object.entries(RECORDINGS))
    copyFileSync(join(checkout, "test/fixtures/audio", fixture), join(dir, name));
  env = {
    PATH: `${join(place, "programs")}${delimiter}${process.env["PATH"] ?? ""}`,
    HOME: join(place, "home"),
    LANG: "C.UTF-8",
    // Any free port: the page's own may be taken on this machine.
    GIGASTT_PORT: "0",
  };
});
afterAll(async () => {
  held?.child.kill("SIGKILL");
  if (place === "") return;
  spawnSync("./gigastt", ["down", "--now"], { cwd: dir, env });
  rmSync(place, { recursive: true, force: true });
});

describe("docs/guide.md", () => {
  it("has the same commands in both languages", () => {
    expect(docCommands("docs/ru/guide.md").map(commandOf)).toEqual(docCommands("docs/guide.md").map(commandOf));
    expect(docCommands("docs/ru/guide.md").map(({ shown }) => shown)).toEqual(
      docCommands("docs/guide.md").map(({ shown }) => shown),
    );
  });

  const left = Object.entries(NEEDS_INTERNET).map(([command, reason]) => `${command}: ${reason}`);
  it(`every command works as it stands, one after the other, and prints what the page shows (without internet not tried: ${left.join("; ")})`, async () => {
    const commands = docCommands("docs/guide.md");
    expect(commands.map(commandOf)).toEqual(expect.arrayContaining(Object.keys(NEEDS_INTERNET)));
    for (const command of commands) {
      const line = commandOf(command);
      if (line in NEEDS_INTERNET) continue;
      if (/^\.\/gigastt up\b/.test(line)) await release();
      const printed = /^\.\/gigastt up\b(?!.*--detach)/.test(line) ? await hold(line) : run(line);
      url = /https?:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0] ?? url;
      if (command.shown.length > 0)
        expect(differenceToShown(command.shown, printed), `${command.page}:${command.line} ${line}`).toBeUndefined();
    }
    await release();
    expect(readFileSync(join(dir, "film.srt"), "utf8")).toMatch(/^1\n00:00:/);
  }, 180_000);
});

// ---

/** A command with an end, in a shell as the reader's; what it prints on standard output. */
function run(line: string): string {
  const ended = spawnSync("bash", ["-c", line.replace(/http:\/\/127\.0\.0\.1:9876/, url)], {
    cwd: dir,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (!(MAY_FIND.test(line) && ended.status === 1))
    expect([line, ended.status, ended.stderr]).toEqual([line, 0, expect.anything()]);
  return ended.stdout;
}

/** Starts `up` in the first terminal and waits until it serves. */
async function hold(line: string): Promise<string> {
  const child = spawn("bash", ["-c", `exec ${line}`], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const ended = once(child, "close");
  await new Promise<void>((resolve) => {
    const collect = (chunk: unknown): void => {
      text += String(chunk);
      if (/^ready in .*\n/m.test(text)) resolve();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    void ended.then(() => resolve());
  });
  held = { child, ended, output: () => text };
  return text;
}

/** Ctrl-C in the first terminal: it drains and ends with 0. */
async function release(): Promise<void> {
  const before = held;
  held = undefined;
  if (before === undefined) return;
  before.child.kill("SIGINT");
  await before.ended;
  expect(before.child.exitCode, before.output()).toBe(0);
}

/** What a clone after its first start has: the files git knows, this machine's dependencies, the build. */
function freshCopy(copy: string): string {
  const skipped = new Set(["node_modules", ".git", "test", "coverage"].map((name) => join(checkout, name)));
  cpSync(checkout, copy, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !skipped.has(path),
  });
  // Links: two hundred packages need not be copied to be used.
  mkdirSync(join(copy, "node_modules"));
  for (const name of readdirSync(join(checkout, "node_modules")))
    symlinkSync(join(checkout, "node_modules", name), join(copy, "node_modules", name));
  // Newer than every copied source, as after a build.
  const now = new Date();
  utimesSync(join(copy, "dist", ".gigastt-build"), now, now);
  return copy;
}
