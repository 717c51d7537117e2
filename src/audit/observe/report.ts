/** One line of a report about a probe or check. */
export interface CheckReport {
  readonly rule: string;
  readonly title: string;
  readonly result: "ok" | "found" | "not-checked";
  /** What was seen, or why nothing could be. */
  readonly detail: string;
  readonly confirms: readonly FindingPlace[];
  readonly contradicts: readonly FindingPlace[];
  /** Found here, while the audited files show no cause: other files are in use, or something else stands in front. */
  readonly filesDiffer: boolean;
}

export interface FindingPlace {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
}

/** True for places outside the audited tree: URLs and absolute paths. */
export function isOutside(place: string): boolean {
  return place.startsWith("/") || isUrl(place);
}

export function isUrl(place: string): boolean {
  return /^https?:\/\//.test(place);
}
