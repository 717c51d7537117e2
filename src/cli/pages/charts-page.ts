import { readFileSync } from "node:fs";
import { CHARTS_ID, CHART_ATTRIBUTE } from "../../shared/chart.ts";
import type { Chart } from "../../shared/chart.ts";
import { distFile } from "../../shared/process/entry.ts";

/** A part of a page: a heading, and text, rows of a table or charts below it. */
export interface PagePart {
  readonly title: string;
  readonly lines?: readonly string[];
  readonly rows?: readonly (readonly [name: string, value: string])[];
  readonly charts?: readonly Chart[];
}

/** Returns one HTML file with the console's own program for charts in it: it asks no other place for anything. */
export function chartsPage(title: string, parts: readonly PagePart[]): string {
  const charts = parts.flatMap((part) => part.charts ?? []);
  let drawn = 0;
  const sections = parts.map(({ title: heading, lines = [], rows = [], charts: own = [] }) => {
    const table = rows.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`);
    const boxes = own.map((chart) => {
      const alternative = `<noscript>${escape(`${chart.title}: ${chart.summary}`)}</noscript>`;
      return `<figure class="chart" ${CHART_ATTRIBUTE}="${drawn++}">${alternative}</figure>`;
    });
    return `<h2>${escape(heading)}</h2>
${lines.map((line) => `<p>${escape(line)}</p>`).join("\n")}
${table.length === 0 ? "" : `<table>${table.join("")}</table>`}
${boxes.length === 0 ? "" : `<div class="charts">${boxes.join("")}</div>`}`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>
${STYLE}
${file("charts-style.css")}
</style>
</head>
<body>
<h1>${escape(title)}</h1>
${sections.join("\n")}
<script type="application/json" id="${CHARTS_ID}">${JSON.stringify(charts).replaceAll("<", "\\u003c")}</script>
<script type="module">
${file("charts.js")}
</script>
</body>
</html>
`;
}

// ---

const STYLE = `:root { color-scheme: light dark; --card: #fff; --text: #16191f; --quiet: #545d6b; --line: #d5dae2; --accent: #1d4ed8; --now: #d9e4ff }
@media (prefers-color-scheme: dark) { :root { --card: #1b2029; --text: #e8ebf0; --quiet: #a3adbc; --line: #343c4a; --accent: #8fb0ff; --now: #263a6b } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--card) }
th { text-align: left; padding-right: 1.5rem; font-weight: 500 }`;

function file(name: string): string {
  return readFileSync(distFile(`console/${name}`), "utf8");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
