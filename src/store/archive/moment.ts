const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const DAY_MS = 86_400_000;

/** Returns Unix milliseconds of a day (UTC), a time with its zone, or Unix seconds; undefined for other texts. As an end, a day is included. */
export function parseMoment(text: string, bound: "from" | "to"): number | undefined {
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000;
  if (!DAY.test(text) && !TIME.test(text)) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  return DAY.test(text) && bound === "to" ? ms + DAY_MS : ms;
}

export const MOMENT_RULE =
  "must be a day (2026-11-29, UTC), a time with its zone (2026-11-29T10:00:00Z) or Unix seconds";
