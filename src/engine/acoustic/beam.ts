import { argmax, FIRST_BLOCK } from "./greedy.ts";
import type { Transducer } from "./greedy.ts";
import type { HotWordGraph, Match } from "./hot-words.ts";
import { bestTokens, keepBest, MARGIN_NATS, normaliser, nothingSaid, withToken } from "./readings.ts";
import type { Reading, Said } from "./readings.ts";
import type { Tokens } from "./words.ts";

/** One reading of the frames so far. */
interface Path<P> extends Reading<P> {
  /** Tokens in the current frame. */
  readonly symbols: number;
}

/**
 * Transducer search that prefers hot words: greedy, and where a piece of a hot word is nearly as likely as the model's favourite, both
 * readings are followed until the bonus has decided. Where no piece of a hot word comes near, it costs what the greedy search costs and finds
 * the same. At most `maxSymbols` tokens a frame. `isGreedy`: no piece came near, and the tokens are those of the greedy search.
 */
export async function decodeWithHotWords<P>(
  transducer: Transducer<P>,
  graph: HotWordGraph,
  frames: number,
  maxSymbols: number,
): Promise<{ readonly tokens: Tokens; readonly isGreedy: boolean }> {
  const { classes, blank, maxBlock, logSoftmaxed } = transducer;
  let paths: Path<P>[] = [{ ...nothingSaid(blank, await transducer.start()), symbols: 0 }];
  let frame = 0;
  let block = Math.min(FIRST_BLOCK, maxBlock);

  const after = (path: Path<P>, token: number, logProbability: number): Path<P> => ({
    ...withToken(path, { token, frame, logProbability }, graph),
    symbols: path.symbols + 1,
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

  const prune = (all: readonly Path<P>[]): Path<P>[] => keepBest(all, graph, ({ said }) => said);

  const isUnfinished = (): boolean => frame < frames;
  let isGreedy = true;
  while (isUnfinished()) {
    const [only] = paths;
    const isOver = paths.length === 1 && only !== undefined && (await goGreedily(only));
    if (isOver) continue;
    isGreedy = false;
    await goThroughFrame();
  }
  return { tokens: bestTokens(paths, graph), isGreedy };
}
