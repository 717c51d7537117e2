import type { HotWordGraph, Match } from "./hot-words.ts";
import type { Tokens } from "./words.ts";

/** A piece of a hot word is tried where the model gives it at most so many nats less than its favourite. */
export const MARGIN_NATS = 7;
/** Most readings that are followed at once. */
const MAX_PATHS = 6;
/** A reading whose score is so many nats behind the best is given up. */
const BEAM_NATS = 10;
/** A phrase earns its bonus once in so many frames (1 s): a model can be made to say the same word again and again. */
const REPEAT_FRAMES = 25;

/** A sequence of tokens. Readings that differ only in when a token was said share one. `P` is what a search keeps with it. */
export interface Said<P> {
  readonly parent: Said<P> | undefined;
  readonly token: number;
  readonly next: Map<number, Said<P>>;
  readonly match: Match;
  /** Bonus of completed phrases, in nats. */
  readonly kept: number;
  /** Where the phrase ends that the last token completed. */
  readonly completed: Match | undefined;
  prediction: P | undefined;
}

interface Emission {
  readonly before: Emission | undefined;
  readonly token: number;
  readonly frame: number;
  readonly probability: number;
}

/** When a phrase was completed. */
interface Completed {
  readonly before: Completed | undefined;
  readonly end: Match;
  readonly frame: number;
}

/** One reading of the frames so far. */
export interface Reading<P> {
  readonly said: Said<P>;
  readonly emitted: Emission | undefined;
  /** Logarithm of its probability, without the bonus of repeated phrases. */
  readonly score: number;
  readonly phrases: Completed | undefined;
}

export function nothingSaid<P>(blank: number, prediction: P | undefined): Reading<P> {
  const said = {
    parent: undefined,
    token: blank,
    next: new Map(),
    match: 0,
    kept: 0,
    completed: undefined,
    prediction,
  };
  return { said, emitted: undefined, phrases: undefined, score: 0 };
}

/** The reading and one more token. */
export function withToken<P>(
  { said, emitted, phrases, score }: Reading<P>,
  { token, frame, logProbability }: { readonly token: number; readonly frame: number; readonly logProbability: number },
  graph: HotWordGraph,
): Reading<P> {
  let next = said.next.get(token);
  if (next === undefined) {
    const { match, kept, completed } = graph.advance(said.match, token);
    next = { parent: said, token, next: new Map(), match, kept: said.kept + kept, completed, prediction: undefined };
    said.next.set(token, next);
  }
  const emission = { before: emitted, token, frame, probability: Math.min(1, Math.exp(logProbability)) };
  const reading = { said: next, emitted: emission, phrases, score: score + logProbability };
  const { completed: end } = next;
  if (end === undefined) return reading;
  const unearned = isRepeated(phrases, end, frame) ? graph.bonus(end) : 0;
  return { ...reading, phrases: { before: phrases, end, frame }, score: reading.score - unearned };
}

/** The best readings: one for each `key`, and of those that wait for no more of a phrase only the best. */
export function keepBest<R extends Reading<unknown>>(
  all: readonly R[],
  graph: HotWordGraph,
  key: (reading: R) => unknown,
): R[] {
  const total = ({ said, score }: R): number => score + said.kept + graph.bonus(said.match);
  const sorted = all.toSorted((a, b) => total(b) - total(a));
  const least = total(sorted[0]!) - BEAM_NATS;
  const seen = new Set<unknown>();
  let hasSettled = false;
  const best: R[] = [];
  for (const reading of sorted) {
    const isSettled = graph.kept(reading.said.match) === graph.bonus(reading.said.match);
    if (total(reading) < least || best.length === MAX_PATHS) break;
    if (seen.has(key(reading)) || (isSettled && hasSettled)) continue;
    seen.add(key(reading));
    hasSettled ||= isSettled;
    best.push(reading);
  }
  return best;
}

/** The best reading, without the bonus of phrases that have not been said to their end. */
export function bestOf<R extends Reading<unknown>>(readings: readonly R[], graph: HotWordGraph): R {
  const settled = ({ said, score }: R): number => score + said.kept + graph.kept(said.match);
  return readings.reduce((one, other) => (settled(other) > settled(one) ? other : one));
}

export function tokensOf({ emitted }: Reading<unknown>): Tokens {
  const emissions: Emission[] = [];
  for (let at = emitted; at !== undefined; at = at.before) emissions.push(at);
  emissions.reverse();
  return {
    ids: Int32Array.from(emissions, ({ token }) => token),
    frames: Int32Array.from(emissions, ({ frame }) => frame),
    probabilities: Float32Array.from(emissions, ({ probability }) => probability),
  };
}

/** What turns one row of scores into logarithms of probabilities. `top` is the highest of them. */
export function normaliser(scores: Float32Array, from: number, classes: number, top: number): number {
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp(scores[from + k]! - top);
  return top + Math.log(sum);
}

// ---

function isRepeated(phrases: Completed | undefined, end: Match, frame: number): boolean {
  for (let at = phrases; at !== undefined && frame - at.frame < REPEAT_FRAMES; at = at.before)
    if (at.end === end) return true;
  return false;
}
