import { createHash } from "node:crypto";
import { GigasttError } from "../../shared/errors.ts";
import type { ArchiveQuery, ArchiveSource } from "./types.ts";

/** Entries of one millisecond. */
const STEPS = 1024;
/** Year 2248: later ones have no exact number. */
const LATEST_MS = 2 ** 53 / STEPS - 1;

/** Returns the smallest order of an entry of this time. Orders are row numbers: newest first is reading the index from its end, without sorting. */
export function orderAt(ms: number): number {
  return Math.max(0, Math.min(LATEST_MS, Math.floor(ms))) * STEPS;
}

/** Yields the orders that an entry of this time may have; throws when all are taken. */
export function* ordersAt(ms: number): Generator<number, never> {
  const from = orderAt(ms);
  for (let order = from; order < from + STEPS; order++) yield order;
  throw new GigasttError("GST_ARCHIVE_FULL", `the archive has ${STEPS} transcripts of the same millisecond already`);
}

/** Returns the first order of that time that is free. */
export function freeOrder(ms: number, isTaken: (order: number) => boolean): number {
  const orders = ordersAt(ms);
  for (;;) {
    const { value } = orders.next(); // throws at the end
    if (!isTaken(value)) return value;
  }
}

/** Bounds of the order that dates and page set: at least the first, less than the second. */
export function boundsOf({ fromMs, toMs, before }: ArchiveQuery): readonly [number, number] {
  return [
    fromMs === undefined ? 0 : orderAt(fromMs),
    Math.min(toMs === undefined ? 2 ** 53 : orderAt(toMs), before ?? 2 ** 53),
  ];
}

/** Returns a word of the index that stands for an owner: an owner may have any characters. */
export function ownerTerm(owner: string): string {
  return `o${createHash("sha256").update(owner).digest("hex").slice(0, 32)}`;
}

export function sourceTerm(source: ArchiveSource): string {
  return `s${source}`;
}
