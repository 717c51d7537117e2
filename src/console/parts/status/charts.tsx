import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { extremes } from "../../../shared/chart.ts";
import type { Chart } from "../../../shared/chart.ts";
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

/** Title, unit, digits, and what a value is divided by. */
const FIGURES: readonly (readonly [HistoryFigure, TextKey, TextKey | "", number, number?])[] = [
  ["sessions", "sessions", "", 0],
  ["waiting", "queue", "", 0],
  ["requests", "requests", "", 0],
  ["failures", "failures", "", 0],
  ["p95Ms", "latency_p95", "unit_ms", 0],
  ["realTimeFactor", "rtf", "unit_s", 3],
  ["rssBytes", "memory", "unit_mib", 0, 2 ** 20],
  ["restarts", "restarts", "", 0],
];
const COUNTED: ReadonlySet<HistoryFigure> = new Set(["requests", "failures", "restarts"]);

/** Figures of the last hour to month. */
export function Charts(): JSX.Element {
  const range = useSignal<HistoryRange>("1h");
  const answer = useAsked<ConsoleHistory>(`${supervisorPart("history")}?range=${range.value}`, EVERY_MS);
  const history = answer.value;
  // The page is made again with every status; the charts change once a minute.
  const charts = useMemo(
    () => (typeof history === "object" ? FIGURES.map((figure) => chartOf(history, figure)) : undefined),
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

function chartOf(history: ConsoleHistory, [name, title, unit, digits, divisor = 1]: (typeof FIGURES)[number]): Chart {
  const values = history.figures[name].map((value) => (value === null ? null : value / divisor));
  const known = extremes(values);
  const number = new Intl.NumberFormat(language.value, { maximumFractionDigits: digits });
  return {
    title: t(title),
    unit: unit === "" ? "" : t(unit),
    digits,
    kind: COUNTED.has(name) ? "bars" : "line",
    at: history.at,
    values,
    summary:
      known === undefined
        ? t("history_empty")
        : t("history_summary", { last: number.format(known.last), highest: number.format(known.highest) }),
  };
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
