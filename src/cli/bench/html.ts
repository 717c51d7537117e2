import { duration, type BenchReport } from "./report.ts";

/** The report as one HTML file with inline SVG: no script, no request to anywhere. */
export function htmlReport(report: BenchReport): string {
  const { host, model } = report;
  const facts = [
    ["Machine", `${host.cpu}, ${host.cores} cores, ${Math.round(host.memoryMb / 1024)} GB, Node ${host.node}`],
    ["Model", `${model.id} ${model.precision}, encoder ${model.encoderForm}, bundle ${model.bundleHash.slice(0, 12)}`],
    ["Cold start", `${(report.coldStartMs / 1000).toFixed(2)} s`],
    ["Memory", `${report.idleMemoryMb} MB idle, ${report.peakMemoryMb} MB peak`],
    ["Drain with a live session", `${(report.drainMs / 1000).toFixed(2)} s`],
    ["Live streams it keeps up with", String(report.sustainedStreams)],
    ...(host.temperatureC === undefined ? [] : [["Temperature after the load", `${host.temperatureC} °C`]]),
    ...(host.throttling && host.throttling.length > 0 ? [["Throttled", host.throttling.join(", ")]] : []),
  ];
  const speeds = report.files.map(({ seconds, rtf }) => ({ label: duration(seconds), value: 1 / rtf }));
  const lags = report.streams.flatMap(({ streams, wordLagP95Ms }) =>
    wordLagP95Ms === undefined ? [] : [{ label: String(streams), value: wordLagP95Ms / 1000 }],
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>gigastt bench, ${escape(report.measuredAt)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
th { text-align: left; padding-right: 1.5rem; font-weight: 500 }
svg { width: 100%; height: auto }
rect { fill: #3b6fb6 }
text { font: 13px system-ui, sans-serif; fill: currentColor }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #15181c } rect { fill: #7aa7e0 } }
</style>
</head>
<body>
<h1>gigastt bench</h1>
<p>${escape(report.measuredAt)}</p>
<table>${facts.map(([name = "", value = ""]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`).join("")}</table>
<h2>Files: times real time</h2>
${barChart(speeds, (value) => `${value.toFixed(1)}×`)}
<h2>Live streams: word lag, 95th percentile</h2>
${barChart(lags, (value) => `${value.toFixed(2)} s`)}
</body>
</html>
`;
}

const BAR_HEIGHT = 22;
const ROW_HEIGHT = 30;
const LABEL_WIDTH = 70;
const CHART_WIDTH = 640;

/** Horizontal bars with a label left and the value right of each. */
function barChart(
  rows: readonly { readonly label: string; readonly value: number }[],
  format: (value: number) => string,
): string {
  if (rows.length === 0) return "<p>Nothing was measured.</p>";
  const largest = Math.max(...rows.map(({ value }) => value));
  const scale = largest > 0 ? (CHART_WIDTH - LABEL_WIDTH - 80) / largest : 0;
  const bars = rows.map(({ label, value }, index) => {
    const y = index * ROW_HEIGHT;
    const width = Math.max(1, Math.round(value * scale));
    return (
      `<text x="0" y="${y + 16}">${escape(label)}</text><rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>` +
      `<text x="${LABEL_WIDTH + width + 6}" y="${y + 16}">${escape(format(value))}</text>`
    );
  });
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${rows.length * ROW_HEIGHT}" role="img">${bars.join("")}</svg>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
