import type { Chart } from "../../shared/chart.ts";
import { chartsPage } from "../pages/charts-page.ts";
import { duration, type BenchReport } from "./report.ts";

/** Returns the report as one HTML file that asks no other place for anything. */
export function htmlReport(report: BenchReport): string {
  const { host, model } = report;
  const facts: (readonly [string, string])[] = [
    ["Machine", `${host.cpu}, ${host.cores} cores, ${Math.round(host.memoryMb / 1024)} GB, Node ${host.node}`],
    ["Model", `${model.id} ${model.precision}, encoder ${model.encoderForm}, bundle ${model.bundleHash.slice(0, 12)}`],
    ["Cold start", `${(report.coldStartMs / 1000).toFixed(2)} s`],
    ["Memory", `${report.idleMemoryMb} MB idle, ${report.peakMemoryMb} MB peak`],
    ["Drain with a live session", `${(report.drainMs / 1000).toFixed(2)} s`],
    ["Live streams it keeps up with", String(report.sustainedStreams)],
    ...(host.temperatureC === undefined ? [] : [["Temperature after the load", `${host.temperatureC} °C`] as const]),
    ...(host.throttling && host.throttling.length > 0 ? [["Throttled", host.throttling.join(", ")] as const] : []),
  ];
  const files = {
    title: "Files: times real time",
    unit: "×",
    digits: 1,
    at: report.files.map(({ seconds }) => duration(seconds)),
    values: report.files.map(({ rtf }) => 1 / rtf),
  };
  const measured = report.streams.filter(({ wordLagP95Ms }) => wordLagP95Ms !== undefined);
  const lags = {
    title: "Live streams: word lag, 95th percentile",
    unit: "s",
    digits: 2,
    at: measured.map(({ streams }) => String(streams)),
    values: measured.map(({ wordLagP95Ms = 0 }) => wordLagP95Ms / 1000),
  };
  const charts = [files, lags].filter(({ at }) => at.length > 0);
  return chartsPage(`gigastt bench, ${report.measuredAt}`, [
    { title: "Machine", rows: facts },
    {
      title: "Measured",
      lines: charts.length === 0 ? ["Nothing was measured."] : [],
      charts: charts.map((chart) => ({ ...chart, kind: "bars", summary: inWords(chart) })),
    },
  ]);
}

function inWords({ at, values, unit, digits }: Omit<Chart, "kind" | "summary" | "title">): string {
  return `${at.map((name, index) => `${name}: ${values[index]?.toFixed(digits) ?? "–"} ${unit}`).join(", ")}.`;
}
