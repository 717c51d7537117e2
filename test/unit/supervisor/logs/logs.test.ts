import * as fc from "fast-check";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asLogLine, createLineSplitter } from "../../../../src/supervisor/logs/lines.ts";
import { createLogFile } from "../../../../src/supervisor/logs/log-file.ts";
import { formatLogLine, parseLogLine } from "../../../../src/supervisor/logs/log-format.ts";
import { followLogs, readLastLines } from "../../../../src/supervisor/logs/log-read.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-logs-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const line = (second: number, event: string, level = "info"): string =>
  JSON.stringify({ level, time: `2026-11-21T10:00:${String(second).padStart(2, "0")}.000Z`, event });
const all = { process: undefined, level: undefined, sinceMs: undefined, untilMs: undefined };

describe("lines of a child", () => {
  it("are put together across chunks and characters, and cut when they never end", () => {
    const found: string[] = [];
    const splitter = createLineSplitter((text) => found.push(text));
    const bytes = Buffer.from("один\r\nдва\n");
    for (const byte of bytes) splitter.push(Uint8Array.of(byte));
    splitter.push(Buffer.from("x".repeat(100_000)));
    splitter.push(Buffer.from("y\nlast"));
    splitter.end();
    expect(found.map((text) => text.slice(0, 6))).toEqual(["один", "два", "xxxxxx", "last"]);
    expect(found[2]?.length).toBe(32 * 1024 + 1);
  });

  it("become log lines when they are none", () => {
    expect(asLogLine(line(1, "x"), { stream: "stdout", nowMs: 0 })).toBe(line(1, "x"));
    expect(
      JSON.parse(asLogLine("terminate called without an active exception", { stream: "stderr", nowMs: 0 })),
    ).toEqual({
      level: "error",
      time: "1970-01-01T00:00:00.000Z",
      event: "output",
      stream: "stderr",
      text: "terminate called without an active exception",
    });
  });

  it("cannot steer the terminal", () => {
    const parsed = parseLogLine(
      JSON.stringify({ level: "info", time: "2026-11-21T10:00:00.000Z", event: "x", text: "\u001b[2Jboo\u0007" }),
    );
    if (parsed === undefined) throw new Error("no line");
    // oxlint-disable-next-line no-control-regex -- that is what is looked for
    expect(formatLogLine(parsed, "runtime", { date: true })).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe("log files", () => {
  it("no lines asked for are no lines", async () => {
    writeFileSync(join(dir, "runtime.log"), `${line(1, "a")}\n${line(2, "b")}\n`);
    expect(await readLastLines(dir, all, 0)).toEqual([]);
    expect(await readLastLines(dir, all, 1)).toHaveLength(1);
  });

  it("rotate by size, keep their number, and are read over the rotation in order", async () => {
    const log = createLogFile(join(dir, "runtime.log"), () => ({ maxBytes: 1000, keep: 3 }));
    for (let i = 0; i < 60; i++) {
      log.write(line(i, `e${i}`));
      await log.flush();
    }
    await log.close();
    expect(existsSync(join(dir, "runtime.log.3"))).toBe(true);
    expect(existsSync(join(dir, "runtime.log.4"))).toBe(false);
    const last = await readLastLines(dir, all, 25);
    expect(last.map(({ parsed }) => parsed.event)).toEqual(Array.from({ length: 25 }, (_, i) => `e${i + 35}`));
  });

  it("count what a full or missing disk costs and go on when it is back", async () => {
    writeFileSync(join(dir, "blocked"), "");
    const log = createLogFile(join(dir, "blocked", "runtime.log"), () => ({ maxBytes: 1000, keep: 1 }));
    log.write("a");
    log.write("b");
    await log.flush();
    expect(log.trouble()).toMatchObject({ lostLines: 2 });
    rmSync(join(dir, "blocked"));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    log.write("c");
    await log.flush();
    expect(log.trouble()).toBeUndefined();
    expect(readFileSync(join(dir, "blocked", "runtime.log"), "utf8")).toBe("c\n");
    await log.close();
  });

  it("are merged by time and filtered by process, level and time", async () => {
    writeFileSync(join(dir, "runtime.log"), `${line(1, "a")}\nrubbish\n${line(3, "c", "error")}\n`);
    writeFileSync(join(dir, "supervisor.log"), `${line(2, "b", "warn")}\n${line(4, "d", "debug")}\n`);
    writeFileSync(join(dir, "console.log"), "not ours\n");
    const events = async (filter: object): Promise<string[]> =>
      (await readLastLines(dir, { ...all, ...filter }, 10)).map(({ parsed }) => parsed.event);
    expect(await events({})).toEqual(["a", "b", "c", "d"]);
    expect(await events({ process: "runtime" })).toEqual(["a", "c"]);
    expect(await events({ level: "warn" })).toEqual(["b", "c"]);
    expect(
      await events({ sinceMs: Date.parse("2026-11-21T10:00:02Z"), untilMs: Date.parse("2026-11-21T10:00:03Z") }),
    ).toEqual(["b", "c"]);
  });

  it("are followed across a rotation without losing or repeating a line", async () => {
    const path = join(dir, "runtime.log");
    writeFileSync(path, `${line(0, "old")}\n`);
    const seen: string[] = [];
    const stop = new AbortController();
    const following = followLogs(dir, all, ({ parsed }) => seen.push(parsed.event), stop.signal);
    await expect
      .poll(() => {
        writeFileSync(path, `${line(0, "start")}\n`, { flag: "a" });
        return seen;
      })
      .toContain("start");
    writeFileSync(path, `${line(1, "a")}\n`, { flag: "a" });
    renameSync(path, `${path}.1`);
    writeFileSync(path, `${line(2, "b")}\n`);
    await expect.poll(() => seen).toContain("b");
    stop.abort();
    await following;
    expect(seen.filter((event) => event !== "start")).toEqual(["a", "b"]);
  });
});

describe("the end of log files", () => {
  it("is the same as that of the whole text, wherever blocks and files are cut", async () => {
    const size = fc.integer({ min: 0, max: 60_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 12 }),
        fc.nat(11),
        fc.integer({ min: 1, max: 15 }),
        async (sizes, cut, count) => {
          const lines = sizes.map((length, index) => line(index, `e${index}${"ё".repeat(length)}`));
          writeFileSync(
            join(dir, "runtime.log.1"),
            lines
              .slice(0, cut)
              .map((text) => `${text}\n`)
              .join(""),
          );
          writeFileSync(
            join(dir, "runtime.log"),
            lines
              .slice(cut)
              .map((text) => `${text}\n`)
              .join(""),
          );
          expect((await readLastLines(dir, all, count)).map(({ raw }) => raw)).toEqual(lines.slice(-count));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("a line without an end does not fill the memory", async () => {
    writeFileSync(
      join(dir, "runtime.log"),
      `${line(0, "first")}\n${"x".repeat(5 * 1024 * 1024)}\n${line(1, "last")}\n`,
    );
    expect((await readLastLines(dir, all, 10)).map(({ parsed }) => parsed.event)).toEqual(["first", "last"]);
    expect((await readLastLines(dir, all, 10, 1024)).map(({ parsed }) => parsed.event)).toEqual(["last"]);
  });
});
