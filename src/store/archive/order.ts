import { createHash } from "node:crypto";
import { GigasttError } from "../../shared/errors.ts";
import type { ArchiveSource } from "./types.ts";

/** Entries of one millisecond. */
const STEPS = 1024;
/** Year 2248: later ones have no exact number. */
const LATEST_MS = 2 ** 53 / STEPS - 1;

/** Returns the smallest order of an entry of this time. Orders are row numbers: newest first is reading the index from its end, without sorting. */
export function orderAt(ms: number): number {
  return Math.max(0, Math.min(LATEST_MS, Math.floor(ms))) * STEPS;
}

/** Returns the first order of that time that is free. */
export function freeOrder(createdMs: number, isTaken: (order: number) => boolean): number {
  const from = orderAt(createdMs);
  for (let order = from; order < from + STEPS; order++) if (!isTaken(order)) return order;
  throw new GigasttError("GST_ARCHIVE_FULL", `the archive has ${STEPS} transcripts of the same millisecond already`);
}

/** Returns a word of the index that stands for an owner: an owner may have any characters. */
export function ownerTerm(owner: string): string {
  return `o${createHash("sha256").update(owner).digest("hex").slice(0, 32)}`;
}

export function sourceTerm(source: ArchiveSource): string {
  return `s${source}`;
}
