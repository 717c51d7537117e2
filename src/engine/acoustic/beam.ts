import { argmax, decodeGreedy, FIRST_BLOCK } from "./greedy.ts";
import type { Standing, Transducer } from "./greedy.ts";
import type { HotWordGraph, Match } from "./hot-words.ts";
import { bestOf, keepBest, MARGIN_NATS, normaliser, nothingSaid, tokensOf, withToken } from "./readings.ts";
import type { Reading, Said } from "./readings.ts";
import type { Tokens } from "./words.ts";

/** One reading of the frames so far. */
interface Path<P> extends Reading<P> {
  /** Tokens in the current frame. */
  readonly symbols: number;
  /** It took the model's favourite at every step: what the greedy search reads. There is at most one. */
  readonly isPlain: boolean;
}

/** What was read with hot words, and how it is read without. */
export interface HotReading {
  readonly tokens: Tokens;
  /** No phrase decided anything: these are the tokens of the greedy search. */
  readonly isPlain: boolean;
  /** The greedy search's tokens; goes on from where the search with hot words gave that reading up. */
  readonly plain: () => Promise<Tokens>;
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
): Promise<HotReading> {
  const { classes, blank, maxBlock, logSoftmaxed } = transducer;
  let paths: Path<P>[] = [{ ...nothingSaid(blank, await transducer.start()), symbols: 0, isPlain: true }];
  /** The plain reading, once it was given up. */
  let left: { readonly path: Path<P>; readonly frame: number } | undefined;
  let frame = 0;
  let block = Math.min(FIRST_BLOCK, maxBlock);

  const after = (path: Path<P>, token: number, logProbability: number, isFavourite = true): Path<P> => ({
    ...withToken(path, { token, frame, logProbability }, graph),
    symbols: path.symbols + 1,
    isPlain: path.isPlain && isFavourite,
  });
  const predictionOf = async (said: Said<P>): Promise<P> =>
    (said.prediction ??= await transducer.predict(await predictionOf(said.parent!), said.token)); // only the root has no parent
  const normOf = (scores: Float32Array, from: number, top: number): number =>
    logSoftmaxed ? 0 : normaliser(scores, from, classes, top);
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
      const said = after(row > 0 ? { ...path, symbols: 0 } : path, best, top - normOf(scores, from, top));
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
        const norm = normOf(scores, from, top);
        const take = (token: number): void => {
          const logProbability = scores[from + token]! - norm;
          const isPlain = path.isPlain && token === best;
          if (token === blank) through.push({ ...path, score: path.score + logProbability, symbols: 0, isPlain });
          else longer.push(after(path, token, logProbability, isPlain));
        };
        take(best);
        for (const token of graph.tokensAhead(path.said.match))
          if (token !== best && scores[from + token]! >= top - MARGIN_NATS) take(token);
      }
      const kept = new Set(prune([...through, ...longer]));
      const given = [...through, ...longer].find((path) => path.isPlain && !kept.has(path));
      if (given !== undefined) left = { path: given, frame: through.includes(given) ? frame + 1 : frame };
      through = through.filter((path) => kept.has(path));
      open = longer.filter((path) => kept.has(path) && path.symbols < maxSymbols);
      for (const path of longer)
        if (kept.has(path) && path.symbols >= maxSymbols) through.push({ ...path, symbols: 0 });
    }
    paths = prune(through);
    const given = through.find((path) => path.isPlain && !paths.includes(path));
    if (given !== undefined) left = { path: given, frame: frame + 1 };
    frame++;
  };

  const prune = (all: readonly Path<P>[]): Path<P>[] => keepBest(all, graph, ({ said }) => said);

  const isUnfinished = (): boolean => frame < frames;
  while (isUnfinished()) {
    const [only] = paths;
    const isOver = paths.length === 1 && only !== undefined && (await goGreedily(only));
    if (!isOver) await goThroughFrame();
  }
  const standing = async (
    { path, frame: at }: { readonly path: Path<P>; readonly frame: number },
    said: Tokens,
  ): Promise<Standing<P>> => {
    const isFull = path.symbols >= maxSymbols;
    return {
      prediction: await predictionOf(path.said),
      said,
      frame: isFull ? at + 1 : at,
      symbols: isFull ? 0 : path.symbols,
    };
  };
  const best = bestOf(paths, graph);
  const tokens = tokensOf(best);
  return {
    tokens,
    isPlain: best.isPlain,
    plain: async () => {
      const path = left?.path ?? paths.find(({ isPlain }) => isPlain)!; // given up, or still there
      const said = tokensOf(path);
      if (left === undefined) return said;
      return decodeGreedy(transducer, frames, maxSymbols, await standing(left, said));
    },
  };
}
