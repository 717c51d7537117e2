import { FILE_TURN_MS, chooseLender, countByClient } from "./shares.ts";
import type { Holding } from "./shares.ts";

/** Work with the time that it is expected to take still. */
export interface Pending extends Holding {
  readonly leftMs: number;
  /** It waits for the first time: it takes one of the places of the queue. */
  readonly isNew: boolean;
}

export interface Outlook {
  /** When the queue has a free place, milliseconds from now. */
  readonly placeMs: number;
  /** When one more piece of work of the client would get a slot, if it joined now. */
  readonly servedMs: number;
}

export interface Snapshot {
  readonly size: number;
  /** Places for new work. */
  readonly places: number;
  readonly nowMs: number;
  readonly held: readonly Pending[];
  /** Clients in the order in which they are served, each with its work in order. */
  readonly waiting: readonly (readonly Pending[])[];
}

/** Plays the queue forward with expected times and the rules of the admission, and nothing new arriving. */
export function forecast({ size, places, nowMs, held, waiting }: Snapshot, newcomer: Pending): Outlook {
  let atMs = nowMs;
  let placeMs: number | undefined;
  let newcomers = waiting.flat().filter(({ isNew }) => isNew).length;
  let running = held.map((work) => ({ ...work }));
  let lines = waiting.map((own) => [...own]);
  const mine = lines.find(([first]) => first?.client === newcomer.client);
  if (mine !== undefined) mine.push(newcomer);
  else lines.push([newcomer]);

  for (let events = 0; events < MOST_EVENTS; events++) {
    const counts = countByClient(running);
    const rank = (line: readonly Pending[]): number => counts.get(line[0]!.client) ?? 0; // never empty
    lines = lines.filter((line) => line.length > 0);
    const line = lines.reduce<Pending[] | undefined>(
      (best, next) => (best === undefined || rank(next) < rank(best) ? next : best),
      undefined,
    );
    const next = line?.[0];
    if (line === undefined || next === undefined) break;
    const lender = running.length < size ? undefined : chooseLender(running, next.client, atMs);
    if (running.length < size || lender !== undefined) {
      line.shift();
      lines = [...lines.filter((other) => other !== line), line];
      if (next === newcomer) return { placeMs: (placeMs ?? atMs) - nowMs, servedMs: atMs - nowMs };
      if (next.isNew) newcomers--;
      if (newcomers < places) placeMs ??= atMs;
      if (lender !== undefined) {
        running = running.filter((work) => work !== lender);
        const own = lines.find(([first]) => first?.client === lender.client);
        const left = { ...lender, leftMs: lender.leftMs - (atMs - lender.sinceMs), isNew: false };
        if (own === undefined) lines.push([left]);
        else own.unshift(left);
      }
      running.push({ ...next, sinceMs: atMs });
      continue;
    }
    const ends = running.map((work) => work.sinceMs + work.leftMs);
    const turns =
      rank(line) > 0 ? [] : running.filter(({ kind }) => kind === "file").map((work) => work.sinceMs + FILE_TURN_MS);
    atMs = Math.max(atMs + 1, Math.min(...ends, ...turns));
    const now = atMs;
    running = running.filter((work) => work.sinceMs + work.leftMs > now);
  }
  return { placeMs: (placeMs ?? atMs) - nowMs, servedMs: atMs - nowMs };
}

// ---

/** A refusal must stay cheap: beyond this the time is a lower bound. */
const MOST_EVENTS = 400;
