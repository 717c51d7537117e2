import { describe, expect, test } from "vitest";
import { createJsonView, createTextView } from "../../../../src/cli/models/pull-view.ts";
import type { PullEvent } from "../../../../src/models/pull.ts";

function screen(options: { isTTY?: boolean; columns?: number } = {}): { write(text: string): void; text: string } {
  return {
    ...options,
    text: "",
    write(text: string) {
      this.text += text;
    },
  };
}

function clockAt(state: { ms: number }): { nowMs(): number; monotonicMs(): number } {
  return { nowMs: () => state.ms, monotonicMs: () => state.ms };
}

const progress = (bytesDone: number): PullEvent => ({
  event: "progress",
  file: "encoder.onnx",
  bytesDone,
  bytesTotal: 200_000_000,
});
const file = (resumedFrom: number): PullEvent => ({
  event: "file",
  file: "encoder.onnx",
  bytes: 200_000_000,
  resumedFrom,
});

describe("on a terminal", () => {
  test("a bar shows share, bytes, rate and time left, ten times a second at most", () => {
    const at = { ms: 0 };
    const out = screen({ isTTY: true, columns: 100 });
    const view = createTextView(out, clockAt(at));
    view.show(file(0));
    for (at.ms = 10; at.ms <= 2500; at.ms += 10) view.show(progress(at.ms * 10_000));
    const frames = out.text.split("\r\u001B[K");
    expect(frames.length).toBeLessThanOrEqual(27);
    expect(frames.at(-1)).toMatch(
      /^\[##-{18}\] encoder\.onnx 12 % {2}2[45] MB of 200 MB {2}(9\.\d|10) MB\/s {2}1[89] s left$/,
    );
  });

  test("bytes that an earlier run left do not count for the rate", () => {
    const at = { ms: 0 };
    const out = screen({ isTTY: true, columns: 100 });
    const view = createTextView(out, clockAt(at));
    view.show(file(100_000_000));
    for (at.ms = 10; at.ms <= 1000; at.ms += 10) view.show(progress(100_000_000 + at.ms * 1000));
    expect(out.text).toContain("resumes at 100 MB");
    expect(out.text.split("\r\u001B[K").at(-1)).toMatch(/ 1\.0 MB\/s | 9\d\d kB\/s /);
  });

  test("a bar is cut to the width and cleared before the next line and at the end", () => {
    const at = { ms: 0 };
    const out = screen({ isTTY: true, columns: 30 });
    const view = createTextView(out, clockAt(at));
    view.show(progress(1));
    view.show({ event: "retry", file: "encoder.onnx", reason: "x failed", waitMs: 65_000, attempt: 2 });
    const clear = "\r\u001B[K";
    const bar = "[--------------------] encode";
    expect(out.text).toBe(`${clear}${bar}${clear}  x failed; try 2 in 1 min 5 s\n`);
    at.ms = 1000;
    view.show(progress(2));
    view.end();
    view.end();
    expect(out.text.endsWith("\r\u001B[K")).toBe(true);
  });
});

test("without a terminal there are plain lines, one in ten seconds while bytes flow", () => {
  const at = { ms: 0 };
  const out = screen();
  const view = createTextView(out, clockAt(at));
  view.show({
    event: "plan",
    model: "tiny",
    precision: "int8",
    license: { name: "MIT", holder: "its authors", url: "https://x/LICENSE" },
    languages: ["ru", "kk"],
    dir: "/m/tiny",
    source: "https://x/",
    files: [],
    bytesMissing: 200_000_000,
  });
  view.show(file(0));
  for (at.ms = 100; at.ms < 20_100; at.ms += 100) view.show(progress(at.ms * 5000));
  view.show({ event: "restart", file: "encoder.onnx", reason: "the file changed on the server" });
  view.show({ event: "installed", file: "encoder.onnx" });
  view.show({ event: "done", model: "tiny", precision: "int8", dir: "/m/tiny", bundleHash: "0", changed: true });
  expect(out.text).not.toContain("\r");
  expect(out.text.split("\n")).toEqual([
    "tiny: licence MIT, its authors (https://x/LICENSE); languages ru, kk",
    "pulling tiny int8 from https://x/ to /m/tiny: 200 MB",
    "  encoder.onnx (200 MB)",
    expect.stringMatching(/^ {2}encoder\.onnx 25 % {2}50 MB of 200 MB {2}(4\.9|5\.\d) MB\/s {2}3\d s left$/),
    expect.stringMatching(/^ {2}encoder\.onnx 50 % {2}100 MB of 200 MB {2}/),
    "  encoder.onnx starts again: the file changed on the server",
    "tiny int8 is installed and verified. Restart a running server to use it.",
    "",
  ]);
});

test("JSON has one event a line, with progress twice a second and always the last", () => {
  const at = { ms: 0 };
  const out = screen();
  const view = createJsonView(out, clockAt(at));
  for (at.ms = 0; at.ms < 2000; at.ms += 10) view.show(progress(at.ms));
  view.show(progress(200_000_000));
  const events = out.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as PullEvent);
  expect(events).toHaveLength(5);
  expect(events.at(-1)).toEqual(progress(200_000_000));
});
