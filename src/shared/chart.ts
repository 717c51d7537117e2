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
