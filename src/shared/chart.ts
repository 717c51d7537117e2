import type { ConsoleHistory, HistoryFigure } from "./console-status.ts";

/** A picture of numbers: over time in the console and in `gigastt status --html`, or by name in `gigastt bench --html`. */
export interface Chart {
  readonly title: string;
  /** Shown behind each value. */
  readonly unit: string;
  /** Digits behind the point. */
  readonly digits: number;
  readonly kind: "line" | "bars";
  /** Unix seconds, or the names of the bars. */
  readonly at: readonly number[] | readonly string[];
  /** Null: nothing is known of that place. */
  readonly values: readonly (number | null)[];
  /** What the picture says, for people who do not see it. */
  readonly summary: string;
}

/** Element of a page that holds its charts as JSON, and the attribute that says where the one of that number is drawn. */
export const CHARTS_ID = "gigastt-charts";
export const CHART_ATTRIBUTE = "data-chart";

/** Returns the last and the highest value, as far as there are any. */
export function extremes(
  values: readonly (number | null)[],
): { readonly last: number; readonly highest: number } | undefined {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  return last === undefined ? undefined : { last, highest: known.reduce((a, b) => Math.max(a, b), last) };
}

/** A chart of the history. */
export interface HistoryChart {
  readonly figure: HistoryFigure;
  readonly unit: "" | "ms" | "s" | "MiB";
  readonly digits: number;
  readonly divisor: number;
  readonly kind: Chart["kind"];
}

const gauge = { unit: "", digits: 0, divisor: 1, kind: "line" } as const;
const count = { ...gauge, kind: "bars" } as const;

/** In the order in which they are shown. */
export const HISTORY_CHARTS: readonly HistoryChart[] = [
  { ...gauge, figure: "sessions" },
  { ...gauge, figure: "waiting" },
  { ...count, figure: "requests" },
  { ...count, figure: "failures" },
  { ...gauge, figure: "p95Ms", unit: "ms" },
  { ...gauge, figure: "realTimeFactor", unit: "s", digits: 3 },
  { ...gauge, figure: "rssBytes", unit: "MiB", divisor: 2 ** 20 },
  { ...count, figure: "restarts" },
];

/** Returns what is drawn of a figure. `summary` gets the numbers as text, or nothing where nothing is known. */
export function historyChart(
  history: ConsoleHistory,
  { figure, digits, divisor, kind }: HistoryChart,
  texts: {
    readonly title: string;
    readonly unit: string;
    readonly language: string;
    readonly summary: (known: { readonly last: string; readonly highest: string } | undefined) => string;
  },
): Chart {
  const values = history.figures[figure].map((value) => (value === null ? null : value / divisor));
  const known = extremes(values);
  const number = new Intl.NumberFormat(texts.language, { maximumFractionDigits: digits });
  const summary = texts.summary(known && { last: number.format(known.last), highest: number.format(known.highest) });
  return { title: texts.title, unit: texts.unit, digits, kind, at: history.at, values, summary };
}
