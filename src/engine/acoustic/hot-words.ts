import type { HotWord } from "../../shared/hot-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Where a text stands in the phrases: a node of the graph. 0 is the root: nothing is matched. */
export type Match = number;

export interface Advance {
  readonly match: Match;
  /** Bonus of completed phrases that was left behind, in nats. */
  readonly kept: number;
  /** Where the last phrase ends that was completed. */
  readonly completed: Match | undefined;
}

/**
 * Phrases as an Aho-Corasick graph (Aho, Corasick 1975) over the letters of pieces, so a phrase is found however the model cuts it into pieces.
 * Case and ё do not matter. Every letter of a phrase earns a share of its bonus, which is taken back when the phrase does not go on, and
 * kept when it was said to its end.
 */
export interface HotWordGraph {
  /** Where `token` leads from `match`. */
  advance(match: Match, token: number): Advance;
  /** Tokens that earn a bonus from here. */
  tokensAhead(match: Match): readonly number[];
  /** Bonus of what is matched so far, in nats. */
  bonus(match: Match): number;
  /** The part of it that stays when the text ends or goes on otherwise. */
  kept(match: Match): number;
  /** 1 for each token of a whole phrase. */
  inPhrases(ids: ArrayLike<number>): Uint8Array;
  /** Phrases that the model's pieces cannot spell. */
  readonly unspellable: readonly string[];
}

/** Nats for each letter at a boost of 1: pieces have about three letters, so a piece earns about its phrase's boost. */
const NATS_PER_LETTER = 1 / 3;
/** Most that one phrase earns, in letters at its boost: longer phrases are sure enough without. */
const MOST_LETTERS = 24;

interface Node {
  readonly children: Map<string, number>;
  readonly letter: string;
  readonly parent: number;
  readonly depth: number;
  bonus: number;
  /** Of the longest phrase that ends on the way from the root to here. */
  kept: number;
  fail: number;
  isEnd: boolean;
  ahead?: readonly number[];
}

export function compileHotWords(hotWords: readonly HotWord[], vocabulary: Vocabulary): HotWordGraph {
  const texts = vocabulary.pieces.map((piece, id) =>
    vocabulary.hidden.has(id) ? "" : fold(piece.replaceAll("▁", " ")),
  );
  const letters = new Set(texts.join(""));
  const nodes: Node[] = [
    { children: new Map(), letter: "", parent: 0, depth: 0, bonus: 0, kept: 0, fail: 0, isEnd: false },
  ];
  const unspellable: string[] = [];

  for (const { text, boost } of hotWords) {
    const phrase = fold(text).trim().replace(/\s+/g, " ");
    if (phrase === "") continue;
    if ([...phrase].some((letter) => !letters.has(letter))) unspellable.push(text);
    else add(nodes, ` ${phrase}`, boost);
  }
  link(nodes);

  const advance = (from: Match, token: number): Advance => {
    let at = from;
    let kept = 0;
    let completed: Match | undefined;
    for (const letter of texts[token] ?? "") {
      for (;;) {
        const node = nodes[at]!;
        const child = node.children.get(letter);
        if (child !== undefined) at = child;
        if (child !== undefined || at === 0) break;
        // What was completed is paid once: the text behind it starts from nothing.
        kept += node.kept;
        at = node.kept > 0 ? 0 : node.fail;
      }
      if (nodes[at]!.isEnd) completed = at;
    }
    return { match: at, kept, completed };
  };
  const gain = (from: Match, token: number): number => {
    const { match, kept } = advance(from, token);
    return kept + nodes[match]!.bonus - nodes[from]!.bonus;
  };
  return {
    advance,
    tokensAhead: (match) => (nodes[match]!.ahead ??= [...texts.keys()].filter((token) => gain(match, token) > 0)),
    bonus: (match) => nodes[match]!.bonus,
    kept: (match) => nodes[match]!.kept,
    inPhrases: (ids) => {
      const marks = new Uint8Array(ids.length);
      let at: Match = 0;
      for (let k = 0; k < ids.length; k++) {
        const { match, completed } = advance(at, ids[k]!);
        at = match;
        if (completed === undefined) continue;
        for (let [n, letters] = [k, nodes[completed]!.depth]; n >= 0 && letters > 0; n--) {
          marks[n] = 1;
          letters -= texts[ids[n]!]!.length;
        }
      }
      return marks;
    },
    unspellable,
  };
}

/** Graphs of the phrase lists used last: a session sends its phrases with each of its windows. */
export function createHotWordGraphs(vocabulary: Vocabulary): (hotWords: readonly HotWord[]) => HotWordGraph {
  const graphs = new Map<string, HotWordGraph>();
  return (hotWords) => {
    const key = JSON.stringify(hotWords);
    const graph = graphs.get(key) ?? compileHotWords(hotWords, vocabulary);
    graphs.delete(key);
    graphs.set(key, graph);
    for (const oldest of graphs.keys()) {
      if (graphs.size <= MAX_GRAPHS) break;
      graphs.delete(oldest);
    }
    return graph;
  };
}

// ---

/** Phrase lists kept compiled: about as many as sessions that speak at once. */
const MAX_GRAPHS = 32;

function add(nodes: Node[], phrase: string, boost: number): void {
  let at = 0;
  let count = 0;
  for (const letter of phrase) {
    if (letter !== " ") count++;
    const bonus = Math.min(count, MOST_LETTERS) * boost * NATS_PER_LETTER;
    let child = nodes[at]!.children.get(letter);
    if (child === undefined) {
      child =
        nodes.push({
          children: new Map(),
          letter,
          parent: at,
          depth: nodes[at]!.depth + 1,
          bonus,
          kept: 0,
          fail: 0,
          isEnd: false,
        }) - 1;
      nodes[at]!.children.set(letter, child);
    }
    const node = nodes[child]!;
    node.bonus = Math.max(node.bonus, bonus);
    at = child;
  }
  nodes[at]!.kept = nodes[at]!.bonus;
  nodes[at]!.isEnd = true;
}

/** Sets where each node goes on when its letters do not: at the longest of its endings that begins a phrase. Breadth first. */
function link(nodes: readonly Node[]): void {
  const queue = [...nodes[0]!.children.values()];
  for (const index of queue) {
    const node = nodes[index]!;
    const parent = nodes[node.parent]!;
    node.kept = Math.max(node.kept, parent.kept);
    queue.push(...node.children.values());
    if (node.parent === 0) continue;
    let at = parent.fail;
    while (at !== 0 && !nodes[at]!.children.has(node.letter)) at = nodes[at]!.fail;
    node.fail = nodes[at]!.children.get(node.letter) ?? 0;
  }
}

function fold(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll("ё", "е");
}
