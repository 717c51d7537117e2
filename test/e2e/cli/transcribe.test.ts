import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { FIXTURES, gigastt, startGigastt } from "./gigastt.ts";

interface Clip {
  readonly file: string;
  readonly seconds: number;
  readonly reference_decode: { readonly int8: { readonly text: string }; readonly fp32: { readonly text: string } };
}
const clips: readonly Clip[] = JSON.parse(readFileSync(`${FIXTURES}eval/manifest.json`, "utf8"));
const clip = (i: number): string => `${FIXTURES}eval/${clips[i]!.file}`;
const FAKE = ["--set", "engine.kind=fake"];

describe("transcribe", { timeout: 60_000 }, () => {
  test("writes the text of a recording and says that the demo model is in use", async () => {
    const { code, stdout, stderr } = await gigastt(["transcribe", clip(0)]);
    expect(stdout).toBe(`${clips[0]!.reference_decode.int8.text}\n`);
    expect(stderr).toMatch(/^The bundled demo model is in use because .*gigastt models pull.*\n$/);
    expect(code).toBe(0);
  });

  test("goes on after a failed file, tells each failure in a line and ends with 1", async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, "empty.wav"), "");
    writeFileSync(join(dir, "letter.wav"), "Dear Sir or Madam,\n".repeat(100));
    mkdirSync(join(dir, "photos"));
    const inputs = ["missing.wav", "empty.wav", clip(1), "letter.wav", "photos", clip(2)];
    const { code, stdout, stderr } = await gigastt(["transcribe", ...inputs], { cwd: dir });
    expect(code).toBe(1);
    expect(stdout).toBe(
      `==> ${clip(1)} <==\n${clips[1]!.reference_decode.int8.text}\n\n==> ${clip(2)} <==\n${clips[2]!.reference_decode.int8.text}\n\n`,
    );
    const lines = stderr.trim().split("\n").slice(1);
    expect(lines).toEqual([
      "gigastt: missing.wav: file not found",
      expect.stringMatching(/^gigastt: empty\.wav: .*empty/),
      expect.stringMatching(/^gigastt: letter\.wav: .*text/),
      "gigastt: photos: is a folder without recordings; pass the files themselves if their names have no known extension",
    ]);
  });

  test("speaks of files, not of uploads", async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, "empty.wav"), "");
    writeFileSync(join(dir, "cut.wav"), readFileSync(clip(0)).subarray(0, 1000));
    writeFileSync(join(dir, "page.pdf"), "%PDF-1.4\n");
    const { stderr } = await gigastt(["transcribe", "empty.wav", "cut.wav", "page.pdf"], { cwd: dir });
    expect(stderr.trim().split("\n").slice(1)).toEqual([
      "gigastt: empty.wav: the file is empty",
      "gigastt: cut.wav: warning: WAV: the file is truncated, 185584 of 186540 bytes of samples are missing",
      "gigastt: page.pdf: the file is a PDF document: use WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio",
    ]);
    const strict = await gigastt(["transcribe", "--strict", "cut.wav"], { cwd: dir });
    expect(strict.code).toBe(1);
    expect(strict.stderr).toMatch(/gigastt: cut\.wav: WAV: the file is truncated, .* missing: copy it again\n$/);
  });

  test("says that the only recording is not there before it loads a model", async () => {
    const { code, stdout, stderr } = await gigastt(["transcribe", "new\nname.wav"], { cwd: temporaryDir() });
    expect([code, stdout, stderr]).toEqual([1, "", "gigastt: new\\u000aname.wav: file not found\n"]);
  });

  test("takes the format from the name of the output, unless it is told another", async () => {
    const dir = temporaryDir();
    await gigastt(["transcribe", ...FAKE, clip(0), "-o", "film.SRT"], { cwd: dir });
    expect(readFileSync(join(dir, "film.SRT"), "utf8")).toMatch(/^1\n00:00:/);
    await gigastt(["transcribe", ...FAKE, clip(0), "-o", "film.srt", "--format", "vtt"], { cwd: dir });
    expect(readFileSync(join(dir, "film.srt"), "utf8")).toMatch(/^WEBVTT/);
  });

  test("with --precision fp32 and --format json answers what the server answers", async () => {
    const { code, stdout } = await gigastt(["transcribe", "--precision", "fp32", "-f", "json", "--segments", clip(0)]);
    const body: { text: string; words: unknown[]; duration: number; segments: unknown[] } = JSON.parse(stdout);
    expect(Object.keys(body)).toEqual(["text", "words", "duration", "confidence", "segments"]);
    expect(body.text).toBe(clips[0]!.reference_decode.fp32.text);
    expect(body.duration).toBeCloseTo(clips[0]!.seconds, 2);
    expect(body.segments).toHaveLength(2);
    expect(code).toBe(0);
  });

  test("--json of several files is one object a line, failures included", async () => {
    const { code, stdout } = await gigastt(["transcribe", ...FAKE, "--json", clip(0), "/missing.wav", clip(1)]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>); // checked below
    expect(lines.map((line) => [line["file"], "text" in line, "error" in line])).toEqual([
      [clip(0), true, false],
      ["/missing.wav", false, true],
      [clip(1), true, false],
    ]);
    expect(code).toBe(1);
  });

  test("- reads standard input, and subtitles come out of it", async () => {
    const srt = await gigastt(["transcribe", "-f", "srt", "-"], { stdin: clip(1) });
    expect(srt.stdout).toMatch(/^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n\S.*\n.*\n$/);
    const vtt = await gigastt(["transcribe", ...FAKE, "-f", "vtt", "-"], { stdin: clip(1) });
    expect(vtt.stdout).toMatch(/^WEBVTT\n\n/);
    expect([srt.code, vtt.code]).toEqual([0, 0]);
  });

  test("--output FILE writes there and nothing to standard output", async () => {
    const dir = temporaryDir();
    const { code, stdout, stderr } = await gigastt(["transcribe", ...FAKE, "-o", "sub/out.md", "-f", "md", clip(0)], {
      cwd: dir,
    });
    expect(code).toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain(`${dir}/sub/out.md\n`);
    expect(readFileSync(join(dir, "sub", "out.md"), "utf8")).toMatch(/^\*\*00:00:00\*\* /);
    expect(readdirSync(join(dir, "sub"))).toEqual(["out.md"]);
  });

  test("--output of a device writes to it and does not replace it", async () => {
    const { code } = await gigastt(["transcribe", ...FAKE, "-o", "/dev/null", clip(0)]);
    expect(code).toBe(0);
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("--output DIR writes a file for each recording, with names that do not meet", async () => {
    const dir = temporaryDir();
    for (const name of ["a", "b"]) mkdirSync(join(dir, name));
    copyFileSync(clip(0), join(dir, "a", "talk.wav"));
    copyFileSync(clip(1), join(dir, "b", "talk.wav"));
    copyFileSync(clip(2), join(dir, "other.wav"));
    const inputs = ["a/talk.wav", "b/talk.wav", "other.wav"];
    const { code } = await gigastt(["transcribe", ...FAKE, "-f", "srt", "-o", "out", ...inputs], { cwd: dir });
    expect(code).toBe(0);
    expect(readdirSync(join(dir, "out")).sort()).toEqual(["other.srt", "talk.wav.2.srt", "talk.wav.srt"]);
  });

  test("a folder stands for the recordings directly in it, by name", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, "talks", "older"), { recursive: true });
    for (const name of ["talks/b.WAV", "talks/a.wav", "talks/.hidden.wav", "talks/older/c.wav"])
      copyFileSync(clip(0), join(dir, name));
    writeFileSync(join(dir, "talks", "notes.txt"), "not a recording");
    const { code, stderr } = await gigastt(["transcribe", ...FAKE, "-o", "out/", "talks"], { cwd: dir });
    expect([code, stderr]).toEqual([0, expect.stringContaining("out/b.txt\n")]);
    expect(readdirSync(join(dir, "out")).sort()).toEqual(["a.txt", "b.txt"]);
  });

  test("--output replaces no file without --force, and recognises nothing before it says so", async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, "notes.txt"), "mine");
    const refused = await gigastt(["transcribe", ...FAKE, "-o", "notes.txt", clip(0)], { cwd: dir });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `${dir}/notes.txt already exists. Give another --output, or replace it with --force.`,
    );
    expect(readFileSync(join(dir, "notes.txt"), "utf8")).toBe("mine");
    const forced = await gigastt(["transcribe", ...FAKE, "--force", "-o", "notes.txt", clip(0)], { cwd: dir });
    expect(forced.code).toBe(0);
    expect(readFileSync(join(dir, "notes.txt"), "utf8")).not.toBe("mine");
  });

  test("--output that cannot be written fails that file only", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, "out", `${clips[0]!.file.replace(".wav", "")}.txt`), { recursive: true });
    const { code, stderr } = await gigastt(["transcribe", ...FAKE, "-o", "out", clip(0), clip(1)], { cwd: dir });
    expect(code).toBe(1);
    expect(stderr).toMatch(/dev_espeak_00\.txt cannot be written \(.*\)\. Give another --output\./);
    expect(existsSync(join(dir, "out", "dev_espeak_01.txt"))).toBe(true);
  });

  test("--channels split recognises each channel on its own", async () => {
    const { stdout, code } = await gigastt([
      "transcribe",
      "--channels",
      "split",
      "--json",
      `${FIXTURES}audio/stereo-44k.mp3`,
    ]);
    const body: { channels: { channel: number; text: string }[] } = JSON.parse(stdout);
    expect(body.channels.map(({ channel }) => channel)).toEqual([0, 1]);
    expect(body.channels.every(({ text }) => text.length > 0)).toBe(true);
    expect(code).toBe(0);
  });

  test("--codec reads input without a header", async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, "raw.pcm"), readFileSync(clip(0)).subarray(44));
    const args = ["transcribe", "--codec", "s16le", "--sample-rate", "16000", "raw.pcm"];
    const { stdout } = await gigastt(args, { cwd: dir });
    expect(stdout).toBe(`${clips[0]!.reference_decode.int8.text}\n`);
  });

  test("of a recording that is cut short ends with a coded error or a transcript, never a crash", async () => {
    const dir = temporaryDir();
    const names = readdirSync(`${FIXTURES}audio`)
      .filter((name) => /\.(mp3|flac|opus|m4a)$/.test(name))
      .slice(0, 6);
    for (const name of names) {
      copyFileSync(`${FIXTURES}audio/${name}`, join(dir, name));
      truncateSync(join(dir, name), 700);
    }
    const { code, stderr } = await gigastt(["transcribe", ...FAKE, "--json", ...names], { cwd: dir });
    expect([0, 1]).toContain(code);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+|bug:/);
  });

  test("of a recording longer than limits.maxAudioDuration says how to raise it", async () => {
    const { code, stderr } = await gigastt(["transcribe", "--set", "limits.maxAudioDuration=1s", clip(0)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--set limits\.maxAudioDuration=…\n$/);
  });
});

describe("transcribe, wrongly asked", () => {
  test("without a file is a usage error", () => refused([], "missing argument: FILE|DIR…|-"));
  test("for two standard inputs is a usage error", () => refused(["-", "-"], "can be read only once"));
  test("for an unknown format is a usage error with the known ones", () =>
    refused(["--format", "docx", "a.wav"], "--format must be one of text, json, srt, vtt, md, tsv, html"));
  test("with --json against --format is a usage error", () =>
    refused(["--json", "-f", "srt", "a.wav"], "--json and --format srt contradict each other"));
  test("for subtitles of several files without --output is a usage error", () =>
    refused(["-f", "srt", "a.wav", "b.wav"], "needs --output DIR"));
  test("with a codec but no rate is a usage error", () =>
    refused(["--codec", "pcmu", "a.raw"], "--codec needs --sample-rate"));
  test("with a rate but no codec is a usage error", () =>
    refused(["--sample-rate", "8000", "a.raw"], "--sample-rate is for --codec only"));
  test("with a rate out of range is a usage error with the range", () =>
    refused(
      ["--codec", "pcmu", "--sample-rate", "3999", "a.raw"],
      "--sample-rate must be a whole number from 4000 to 192000",
    ));
  test("with a line length of zero is a usage error with the range", () =>
    refused(["--max-chars-per-line", "0", "a.wav"], "--max-chars-per-line must be a whole number from 1 to 1000"));
  test("with an output over its input is a usage error", () =>
    refused(["-o", "a.wav", "a.wav"], "--output would overwrite the recording"));
  test("with an unknown model is a usage error with the nearest one", () =>
    refused(["--model", "gigam-v3-e2e-rnnt", "a.wav"], "did you mean gigaam-v3-e2e-rnnt?"));

  test("a model that is not installed ends with 1 and the command that installs it", async () => {
    const { code, stderr } = await gigastt(["transcribe", "--model", "gigaam-v3-e2e-rnnt", clip(0)]);
    expect(stderr).toContain("is not installed in /nonexistent/.local/share/gigastt/models/gigaam-v3-e2e-rnnt. Run `");
    expect(stderr).toContain("gigastt models pull");
    expect(code).toBe(1);
  });
});

describe("transcribe, interrupted", { timeout: 60_000 }, () => {
  test("by Ctrl-C ends with 130 and leaves no process behind", async () => {
    const { child, ended } = startGigastt(["transcribe", longRecording()]);
    const engine = await engineOf(child.pid!);
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    await until(() => !isAlive(engine));
  });

  test("by a death of the engine says so and tries no further file", async () => {
    const { child, ended } = startGigastt(["transcribe", clip(0), longRecording(), clip(1), clip(2)]);
    // The first text tells that the model is loaded and the long recording has begun.
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    process.kill(await engineOf(child.pid!), "SIGKILL");
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toContain("the engine ended with SIGKILL. The system kills programs that take too much memory");
    expect(stderr).toContain("gigastt: 2 more files were not tried\n");
  });

  test("killed hard leaves no engine behind", async () => {
    const { child, ended } = startGigastt(["transcribe", longRecording()]);
    const engine = await engineOf(child.pid!);
    child.kill("SIGKILL");
    await ended;
    await until(() => !isAlive(engine));
  });
});

async function refused(args: readonly string[], message: string): Promise<void> {
  const { code, stdout, stderr } = await gigastt(["transcribe", ...args]);
  expect(stderr).toContain(message);
  expect(stdout).toBe("");
  expect(code).toBe(2);
}

/** Twenty minutes of speech, so that the work takes a while on any machine. */
function longRecording(): string {
  const dir = temporaryDir();
  const pcm = readFileSync(clip(0)).subarray(44);
  const bytes = Buffer.concat(Array.from({ length: 200 }, () => pcm));
  const header = Buffer.from(readFileSync(clip(0)).subarray(0, 44));
  header.writeUInt32LE(36 + bytes.length, 4);
  header.writeUInt32LE(bytes.length, 40);
  writeFileSync(join(dir, "long.wav"), Buffer.concat([header, bytes]));
  return join(dir, "long.wav");
}

/** The engine's process below the command, once it is there. */
async function engineOf(pid: number): Promise<number> {
  let found: number | undefined;
  await until(() => {
    const children = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
    const row = children.map((line) => line.trim().split(/\s+/)).find((fields) => fields[1] === String(pid));
    found = row && row.some((field) => field.includes("transcribe-main")) ? Number(row[0]) : undefined;
    return found !== undefined;
  });
  return found!;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error("it did not happen within 20 s");
    await sleep(50);
  }
}
