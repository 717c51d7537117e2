import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { HISTORY_CHARTS, historyChart } from "../../../shared/chart.ts";
import type { Chart, HistoryChart } from "../../../shared/chart.ts";
import type { ConsoleHistory, HistoryFigure } from "../../../shared/console-status.ts";
import { HISTORY_RANGES } from "../../../shared/protocol.ts";
import type { HistoryRange } from "../../../shared/protocol.ts";
import type { TextKey } from "../../i18n/en.ts";
import { language, t } from "../../i18n/text.ts";
import type * as Plot from "../../plot/charts.ts";
import { supervisorPart } from "../../wire/address.ts";
import { useAsked } from "../../wire/operator.ts";

const EVERY_MS = 60_000;
const RANGES = Object.keys(HISTORY_RANGES) as HistoryRange[]; // its own keys

const TITLES: Readonly<Record<HistoryFigure, TextKey>> = {
  sessions: "sessions",
  waiting: "queue",
  requests: "requests",
  failures: "failures",
  p95Ms: "latency_p95",
  realTimeFactor: "rtf",
  rssBytes: "memory",
  restarts: "restarts",
};
const UNITS = { ms: "unit_ms", s: "unit_s", MiB: "unit_mib" } as const;

/** Figures of the last hour to month. */
export function Charts(): JSX.Element {
  const range = useSignal<HistoryRange>("1h");
  const answer = useAsked<ConsoleHistory>(`${supervisorPart("history")}?range=${range.value}`, EVERY_MS);
  const history = answer.value;
  // The page is made again with every status; the charts change once a minute.
  const charts = useMemo(
    () => (typeof history === "object" ? HISTORY_CHARTS.map((chart) => chartOf(history, chart)) : undefined),
    [history, language.value],
  );
  return (
    <section aria-labelledby="history-title">
      <div class="row">
        <h2 id="history-title">{t("history")}</h2>
        <select
          aria-label={t("history_range")}
          value={range.value}
          onChange={({ currentTarget }) => (range.value = RANGES.find((name) => name === currentTarget.value) ?? "1h")}
        >
          {RANGES.map((name) => (
            <option key={name} value={name}>
              {t(`range_${name}`)}
            </option>
          ))}
        </select>
      </div>
      {charts && (
        <div class="charts">
          {charts.map((chart, index) => (
            <ChartBox key={index} chart={chart} />
          ))}
        </div>
      )}
    </section>
  );
}

function chartOf(history: ConsoleHistory, chart: HistoryChart): Chart {
  return historyChart(history, chart, {
    title: t(TITLES[chart.figure]),
    unit: chart.unit === "" ? "" : t(UNITS[chart.unit]),
    language: language.value,
    summary: (known) => (known === undefined ? t("history_empty") : t("history_summary", known)),
  });
}

function ChartBox({ chart }: { chart: Chart }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    let remove = (): void => {};
    let isGone = false;
    void loadPlot().then(({ drawChart }) => {
      if (!isGone && box.current !== null) remove = drawChart(box.current, chart);
    });
    return () => {
      isGone = true;
      remove();
    };
  }, [chart]);
  return <figure ref={box} class="chart" />;
}

let plot: Promise<typeof Plot> | undefined;

/** A third of all that the page loads, so it comes with the first chart. */
function loadPlot(): Promise<typeof Plot> {
  plot ??= import(new URL(document.body.dataset["charts"] ?? "", document.baseURI).href) as Promise<typeof Plot>; // its own file
  plot.catch(() => (plot = undefined));
  return plot;
}
