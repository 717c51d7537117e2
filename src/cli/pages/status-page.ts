import { HISTORY_CHARTS, historyChart } from "../../shared/chart.ts";
import type { ConsoleHistory, HistoryFigure } from "../../shared/console-status.ts";
import { printableLine } from "../../shared/text/printable.ts";
import type { StatusReport } from "../../supervisor/status/status.ts";
import { careLines, statusLines } from "../../supervisor/status/view.ts";
import { chartsPage } from "./charts-page.ts";

/** Returns what `gigastt status` prints. */
export function detailLines(status: StatusReport): readonly string[] {
  const { supervisor, config } = status;
  return [
    ...statusLines(status),
    `  config    ${config.path ?? "defaults"}, ${config.hash.slice(0, 12)}, loaded ${config.loadedAt}`,
    ...careLines(status),
    `  state     ${supervisor.stateDir}, supervisor pid ${supervisor.pid}, since ${supervisor.startedAt}`,
  ].map(printableLine);
}

/** Returns the same as a page, with charts. */
export function statusPage(status: StatusReport, history: ConsoleHistory): string {
  return chartsPage(`gigastt status, ${new Date().toISOString()}`, [
    { title: "Now", lines: detailLines(status).map((line) => line.trim()) },
    {
      title: "The last 24 hours",
      charts: HISTORY_CHARTS.map((chart) =>
        historyChart(history, chart, {
          title: TITLES[chart.figure],
          unit: chart.unit,
          language: "en",
          summary: (known) =>
            known === undefined ? "No figures yet." : `Last: ${known.last}, highest: ${known.highest}.`,
        }),
      ),
    },
  ]);
}

// ---

const TITLES: Readonly<Record<HistoryFigure, string>> = {
  sessions: "Live sessions",
  waiting: "In the queue",
  requests: "Requests",
  failures: "Failed requests",
  p95Ms: "Latency, 95 %",
  realTimeFactor: "Computing time per second of audio",
  rssBytes: "Memory",
  restarts: "Restarts",
};
