import { describe, expect, it } from "vitest";
import { adviceFor } from "../../../../src/cli/bench/advice.ts";
import { htmlReport } from "../../../../src/cli/bench/html.ts";
import { parseThrottled } from "../../../../src/cli/bench/host.ts";
import { formatReport, percentile, type BenchReport } from "../../../../src/cli/bench/report.ts";
import { assembleSpeech, loadSamples, SAMPLE_RATE_HZ } from "../../../../src/cli/bench/speech.ts";
import { wavFile } from "../../../../src/shared/wav.ts";

const report: BenchReport = {
  version: 1,
  measuredAt: "2026-11-21T10:00:00.000Z",
  host: {
    cpu: 'Board <1> & "co"',
    cores: 4,
    memoryMb: 8192,
    node: "20.20.2",
    temperatureC: 61.5,
    throttling: ["frequency was capped"],
  },
  model: { id: "demo-ru-rnnt", precision: "int8", encoderForm: "rewritten", bundleHash: "abcdef0123456789" },
  engine: { workers: "auto", threads: "auto" },
  interrupted: false,
  coldStartMs: 860,
  files: [
    { seconds: 5, rtf: 0.1 },
    { seconds: 600, rtf: 0.05 },
  ],
  streams: [
    {
      streams: 1,
      firstPartialP50Ms: 500,
      wordLagP50Ms: 300,
      wordLagP95Ms: 700,
      finalP95Ms: 200,
      keptUp: true,
      refused: 0,
    },
    {
      streams: 2,
      firstPartialP50Ms: undefined,
      wordLagP50Ms: undefined,
      wordLagP95Ms: undefined,
      finalP95Ms: undefined,
      keptUp: false,
      refused: 1,
    },
  ],
  sustainedStreams: 1,
  peakMemoryMb: 300,
  idleMemoryMb: 120,
  drainMs: 140,
};

describe("an interrupted measurement", () => {
  it("shows its whole stages and names no limit", () => {
    const text = formatReport({ ...report, streams: report.streams.slice(0, 1), interrupted: true });
    expect(text).toContain("Interrupted: only the stages above are complete; the limit of this machine is unknown.");
    expect(text).not.toMatch(/keeps up with|NaN/);
  });
});

describe("the report", () => {
  it("is a table that says what the box can do", () => {
    expect(formatReport(report)).toMatchInlineSnapshot(`
      "Board <1> & "co", 4 cores, 8 GB, Node 20.20.2
      model demo-ru-rnnt int8, encoder rewritten

      cold start        0.86 s
      memory            120 MB idle, 300 MB peak
      drain             0.14 s

      file        times real time
      5 s         10.0
      10 min      20.0

      streams  first partial  word lag p50 / p95  final p95  keeps up
      1        0.50 s         0.30 s / 0.70 s     0.20 s     yes
      2        –              – / –               –          no, 1 refused

      This machine keeps up with 1 live stream.
      The processor was throttled (frequency was capped): cool it or use a stronger supply and measure again.
      "
    `);
  });

  it("escapes what the machine says about itself and loads nothing from anywhere", () => {
    const html = htmlReport(report);
    expect(html).toContain("Board &lt;1&gt; &amp; &quot;co&quot;");
    // The one program in it is the console's own for charts.
    expect(html).not.toMatch(/https?:|@import|url\(|src=|<link/);
    expect(html.match(/<script/g)).toHaveLength(2);
    const json = /id="gigastt-charts">(.*)<\/script>/.exec(html)?.[1] ?? "";
    expect((JSON.parse(json) as { values: number[] }[]).map(({ values }) => values)).toEqual([[10, 20], [0.7]]);
    expect(html).toContain("<noscript>Files: times real time: 5 s: 10.0 ×, 10 min: 20.0 ×.</noscript>");
  });

  it.each([
    ["what kept up when the box fell behind with more", { sustainedStreams: 1, keptUp: false }, 4, [2]],
    ["a larger pool when more than the pool kept up", { sustainedStreams: 6, keptUp: true }, 4, [6]],
    ["nothing when fewer streams than the pool were tried", { sustainedStreams: 3, keptUp: true }, 4, []],
    ["nothing when the pool fits", { sustainedStreams: 4, keptUp: false }, 4, []],
    ["nothing when not even one stream kept up", { sustainedStreams: 0, keptUp: false }, 4, []],
  ])("advises %s", (_what, { sustainedStreams, keptUp }, poolSize, values) => {
    const streams = report.streams.map((figure) => ({ ...figure, keptUp }));
    expect(adviceFor({ ...report, sustainedStreams, streams }, poolSize).map(({ value }) => value)).toEqual(values);
  });
});

it("reads the firmware's sticky throttling bits", () => {
  expect(parseThrottled("throttled=0x0\n")).toEqual([]);
  expect(parseThrottled("throttled=0x50005\n")).toEqual(["under-voltage has occurred", "throttling has occurred"]);
  expect(parseThrottled("nonsense")).toBeUndefined();
});

it("takes percentiles by rank", () => {
  expect(percentile([], 0.5)).toBeUndefined();
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.95)).toBe(10);
});

describe("the speech it is measured with", () => {
  it("is exactly as long as asked, begins with the sample asked for and pauses between samples", async () => {
    const samples = await loadSamples();
    expect(samples.length).toBeGreaterThanOrEqual(4);
    const speech = assembleSpeech(samples, 15, 1);
    expect(speech.length).toBe(15 * SAMPLE_RATE_HZ);
    const first = samples[1]?.pcm ?? new Int16Array(0);
    expect(speech.subarray(0, first.length)).toEqual(first);
    const pause = speech.subarray(first.length, first.length + 0.8 * SAMPLE_RATE_HZ);
    expect(pause.every((sample) => sample === 0)).toBe(true);
  });

  it("makes a WAV file whose sizes agree", () => {
    const bytes = wavFile(new Int16Array(160));
    const view = new DataView(bytes.buffer);
    expect(view.getUint32(4, true)).toBe(bytes.length - 8);
    expect(view.getUint32(40, true)).toBe(320);
  });
});
