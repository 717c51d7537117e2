import type { CtcScores } from "./ctc.ts";
import { argmax } from "./greedy.ts";
import type { HotWordGraph } from "./hot-words.ts";
import { bestOf, keepBest, MARGIN_NATS, normaliser, nothingSaid, tokensOf, withToken } from "./readings.ts";
import type { Reading, Said } from "./readings.ts";
import type { Tokens } from "./words.ts";

/** One reading of the frames so far. */
interface Path extends Reading<undefined> {
  /** The last frame held its last token: the same one in the next frame goes on, and is not a second one. */
  readonly isOpen: boolean;
}

/**
 * CTC search that prefers hot words: the best class of each frame, and where a piece of a hot word is nearly as likely, both readings are followed
 * until the bonus has decided. Of the ways to say the same tokens only the best counts, so without phrases it finds what `decodeCtc` finds.
 *
 * @param scores row-major [frames, classes]
 */
export function decodeCtcWithHotWords(
  scores: Float32Array,
  { frames, classes, blank, logSoftmaxed }: CtcScores,
  graph: HotWordGraph,
): Tokens {
  let paths: Path[] = [{ ...nothingSaid<undefined>(blank, undefined), isOpen: false }];
  for (let frame = 0; frame < frames; frame++) {
    const from = frame * classes;
    const best = argmax(scores, from, classes);
    const top = scores[from + best]!;
    const norm = logSoftmaxed ? 0 : normaliser(scores, from, classes, top);
    const longer: Path[] = [];
    for (const path of paths) {
      const { said, isOpen } = path;
      for (const token of tokensToTry(path, best, blank, graph)) {
        if (scores[from + token]! < top - MARGIN_NATS) continue;
        const logProbability = scores[from + token]! - norm;
        if (token === blank) longer.push({ ...path, score: path.score + logProbability, isOpen: false });
        else if (isOpen && token === said.token) longer.push(goneOn(path, logProbability));
        else longer.push({ ...withToken(path, { token, frame, logProbability }, graph), isOpen: true });
      }
    }
    paths = keepBest(longer, graph, keyOf);
  }
  return tokensOf(bestOf(paths, graph));
}

// ---

/** While the model's favourite goes on nothing else begins: a phrase between two frames of one token was not said. */
function tokensToTry({ said, isOpen }: Path, best: number, blank: number, graph: HotWordGraph): Iterable<number> {
  const ahead = graph.tokensAhead(said.match);
  if (isOpen && best === said.token) return ahead.includes(best) ? [best, blank] : [best];
  return new Set([best, blank, ...(isOpen ? [said.token] : []), ...ahead]);
}

/** The last token lasts one frame more. Its probability is the highest of its frames. */
function goneOn(path: Path, logProbability: number): Path {
  const { emitted } = path;
  const probability = Math.max(emitted!.probability, Math.min(1, Math.exp(logProbability))); // an open token was emitted
  return { ...path, score: path.score + logProbability, emitted: { ...emitted!, probability } };
}

/** Sequences whose last token goes on are others than those behind a blank. */
function keyOf({ said, isOpen }: Path): Said<undefined> | Map<number, Said<undefined>> {
  return isOpen ? said : said.next;
}
