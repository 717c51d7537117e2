import { argmax, FIRST_BLOCK } from "./greedy.ts";
import type { Transducer } from "./greedy.ts";
import type { HotWordGraph, Match } from "./hot-words.ts";
import type { Tokens } from "./words.ts";

/** Most readings that are followed at once. */
const MAX_PATHS = 6;
/** A reading whose score is so many nats behind the best is given up. */
const BEAM_NATS = 10;
/** A piece of a hot word is tried where the model gives it at most so many nats less than its favourite. */
const MARGIN_NATS = 7;
/** A phrase earns its bonus once in so many frames (1 s): a model can be made to say the same word again and again. */
const REPEAT_FRAMES = 25;

/** A sequence of tokens. Readings that differ only in when a token was said share one. */
interface Said<P> {
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
interface Path<P> {
  readonly said: Said<P>;
  readonly emitted: Emission | undefined;
  /** Logarithm of its probability, without the bonus of repeated phrases. */
  readonly score: number;
  readonly phrases: Completed | undefined;
  /** Tokens in the current frame. */
  readonly symbols: number;
}

/**
 * Transducer search that prefers hot words: greedy, and where a piece of a hot word is nearly as likely as the model's favourite, both
 * readings are followed until the bonus has decided. Where no piece of a hot word comes near, it costs what the greedy search costs and finds
 * the same. At most `maxSymbols` tokens a frame.
 */
export async function decodeWithHotWords<P>(
  transducer: Transducer<P>,
  graph: HotWordGraph,
  frames: number,
  maxSymbols: number,
): Promise<Tokens> {
  const { classes, blank, maxBlock, logSoftmaxed } = transducer;
  const root: Said<P> = {
    parent: undefined,
    token: blank,
    next: new Map(),
    match: 0,
    kept: 0,
    completed: undefined,
    prediction: await transducer.start(),
  };
  let paths: Path<P>[] = [{ said: root, emitted: undefined, phrases: undefined, score: 0, symbols: 0 }];
  let frame = 0;
  let block = Math.min(FIRST_BLOCK, maxBlock);

  const total = ({ said, score }: Path<P>): number => score + said.kept + graph.bonus(said.match);
  /** Without the bonus of phrases that have not been said to their end. */
  const settled = ({ said, score }: Path<P>): number => score + said.kept + graph.kept(said.match);

  const isRepeated = (phrases: Completed | undefined, end: Match): boolean => {
    for (let at = phrases; at !== undefined && frame - at.frame < REPEAT_FRAMES; at = at.before)
      if (at.end === end) return true;
    return false;
  };
  const after = (
    { said, emitted, phrases, score, symbols }: Path<P>,
    token: number,
    logProbability: number,
  ): Path<P> => {
    let next = said.next.get(token);
    if (next === undefined) {
      const { match, kept, completed } = graph.advance(said.match, token);
      next = { parent: said, token, next: new Map(), match, kept: said.kept + kept, completed, prediction: undefined };
      said.next.set(token, next);
    }
    const emission = { before: emitted, token, frame, probability: Math.min(1, Math.exp(logProbability)) };
    const path = { said: next, emitted: emission, phrases, score: score + logProbability, symbols: symbols + 1 };
    const { completed: end } = next;
    if (end === undefined) return path;
    const unearned = isRepeated(phrases, end) ? graph.bonus(end) : 0;
    return { ...path, phrases: { before: phrases, end, frame }, score: path.score - unearned };
  };
  const predictionOf = async (said: Said<P>): Promise<P> =>
    (said.prediction ??= await transducer.predict(await predictionOf(said.parent!), said.token)); // only the root has no parent
  const normaliser = (scores: Float32Array, from: number, top: number): number => {
    if (logSoftmaxed) return 0;
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(scores[from + k]! - top);
    return top + Math.log(sum);
  };
  const isNear = (scores: Float32Array, from: number, best: number, match: Match): boolean => {
    const least = scores[from + best]! - MARGIN_NATS;
    return graph.tokensAhead(match).some((token) => token !== best && scores[from + token]! >= least);
  };

  /** Goes on greedily with the only reading, up to a frame where a hot word comes near. Returns false there. */
  const goGreedily = async (path: Path<P>): Promise<boolean> => {
    const count = Math.min(block, frames - frame);
    const scores = await transducer.joint(await predictionOf(path.said), frame, count);
    for (let row = 0; row < count; row++, frame++) {
      const from = row * classes;
      const best = argmax(scores, from, classes);
      if (isNear(scores, from, best, path.said.match)) {
        paths = [row > 0 ? { ...path, symbols: 0 } : path];
        return false;
      }
      if (best === blank) continue;
      const top = scores[from + best]!;
      const said = after(row > 0 ? { ...path, symbols: 0 } : path, best, top - normaliser(scores, from, top));
      const isFull = said.symbols >= maxSymbols;
      if (isFull) frame++;
      paths = [isFull ? { ...said, symbols: 0 } : said];
      block = Math.min(FIRST_BLOCK, maxBlock);
      return true;
    }
    paths = [{ ...path, symbols: 0 }];
    block = Math.min(block * 2, maxBlock);
    return true;
  };

  /** Takes all readings through one frame. */
  const goThroughFrame = async (): Promise<void> => {
    let open = paths;
    let through: Path<P>[] = [];
    while (open.length > 0) {
      const predictions: P[] = [];
      for (const { said } of open) predictions.push(await predictionOf(said));
      const scores = await transducer.jointOf(predictions, frame);
      const longer: Path<P>[] = [];
      for (const [row, path] of open.entries()) {
        const from = row * classes;
        const best = argmax(scores, from, classes);
        const top = scores[from + best]!;
        const norm = normaliser(scores, from, top);
        const take = (token: number): void => {
          const logProbability = scores[from + token]! - norm;
          if (token === blank) through.push({ ...path, score: path.score + logProbability, symbols: 0 });
          else longer.push(after(path, token, logProbability));
        };
        take(best);
        for (const token of graph.tokensAhead(path.said.match))
          if (token !== best && scores[from + token]! >= top - MARGIN_NATS) take(token);
      }
      const kept = new Set(prune([...through, ...longer]));
      through = through.filter((path) => kept.has(path));
      open = longer.filter((path) => kept.has(path) && path.symbols < maxSymbols);
      for (const path of longer)
        if (kept.has(path) && path.symbols >= maxSymbols) through.push({ ...path, symbols: 0 });
    }
    paths = prune(through);
    frame++;
  };

  /** The best readings: one for each sequence of tokens, and of those that wait for no more of a phrase only the best. */
  const prune = (all: readonly Path<P>[]): Path<P>[] => {
    const sorted = all.toSorted((a, b) => total(b) - total(a));
    const least = total(sorted[0]!) - BEAM_NATS;
    const seen = new Set<Said<P>>();
    let hasSettled = false;
    const best: Path<P>[] = [];
    for (const path of sorted) {
      const isSettled = graph.kept(path.said.match) === graph.bonus(path.said.match);
      if (total(path) < least || best.length === MAX_PATHS) break;
      if (seen.has(path.said) || (isSettled && hasSettled)) continue;
      seen.add(path.said);
      hasSettled ||= isSettled;
      best.push(path);
    }
    return best;
  };

  const isUnfinished = (): boolean => frame < frames;
  while (isUnfinished()) {
    const [only] = paths;
    const isOver = paths.length === 1 && only !== undefined && (await goGreedily(only));
    if (!isOver) await goThroughFrame();
  }
  return toTokens(paths.reduce((best, path) => (settled(path) > settled(best) ? path : best)).emitted);
}

// ---

function toTokens(last: Emission | undefined): Tokens {
  const emissions: Emission[] = [];
  for (let at = last; at !== undefined; at = at.before) emissions.push(at);
  emissions.reverse();
  return {
    ids: Int32Array.from(emissions, ({ token }) => token),
    frames: Int32Array.from(emissions, ({ frame }) => frame),
    probabilities: Float32Array.from(emissions, ({ probability }) => probability),
  };
}
