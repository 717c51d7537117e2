import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { CHART_ATTRIBUTE } from "../../src/shared/chart.ts";

const root = resolve(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("measures files and a live stream of a real server, and writes reports and the fitting pool", async () => {
  const config = join(dir, "gigastt.config.yaml");
  writeFileSync(config, "# my box\npool:\n  size: 1 # to be measured\n");
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [
      join(root, "bin/gigastt.js"),
      "bench",
      "--config",
      config,
      "--quick",
      "--max-streams",
      "2",
      "--seconds",
      "6",
      "--write",
      "-o",
      "report",
    ],
    { cwd: dir, env: { ...process.env, XDG_DATA_HOME: dir, XDG_STATE_HOME: dir } },
  );
  expect(stdout).toContain("model demo-ru-rnnt int8");
  const report = JSON.parse(readFileSync(join(dir, "report.json"), "utf8")) as {
    files: { seconds: number; rtf: number }[];
    streams: { streams: number; firstPartialP50Ms?: number; wordLagP95Ms?: number }[];
    sustainedStreams: number;
    coldStartMs: number;
    peakMemoryMb: number;
  };
  expect(report.files.map(({ seconds }) => seconds)).toEqual([5, 15]);
  expect(report.files.every(({ rtf }) => rtf > 0)).toBe(true);
  expect(report.streams[0]).toMatchObject({ streams: 1, refused: 0 });
  expect(report.streams[0]?.wordLagP95Ms).toBeGreaterThan(0);
  expect(report.coldStartMs).toBeGreaterThan(0);
  expect(report.peakMemoryMb).toBeGreaterThan(20);
  expect(readFileSync(join(dir, "report.html"), "utf8")).toContain(`<figure class="chart" ${CHART_ATTRIBUTE}="0">`);
  // What fits depends on the machine; that comments survive does not.
  expect(readFileSync(config, "utf8")).toMatch(/^# my box\npool:\n  size: \d # to be measured\n$/);
  expect(stderr).toContain("report.json");
}, 120_000);
