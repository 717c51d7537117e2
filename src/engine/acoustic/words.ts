import type { Word } from "../contract.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What the greedy decoder emitted for one window; the three arrays run in parallel. */
export interface Tokens {
  readonly ids: Int32Array;
  /** Encoder frame of each token, from the window's start. */
  readonly frames: Int32Array;
  /** Probability of each token, 0..1. */
  readonly probabilities: Float32Array;
  /** First feature frame of each token and the one after its last, two numbers a token; absent where they could not be found. */
  readonly spans?: Int32Array | undefined;
}

/** Where a window lies in its recording. */
export interface WindowTime {
  /** Seconds from the start of the recording to the window's first sample. */
  readonly startS: number;
  /** Seconds one encoder frame covers: window samples / rate / encoder frames. */
  readonly frameS: number;
  /** Seconds from one feature frame to the next. */
  readonly hopS: number;
}

/**
 * Words of a window. A piece that begins with ▁ starts a word; pieces without it, punctuation among them, belong to the word before.
 * Times come from the tokens' spans, else from the frames at which the model wrote them, rounded to milliseconds.
 */
export function tokensToWords(tokens: Tokens, vocabulary: Vocabulary, time: WindowTime): Word[] {
  const words: Word[] = [];
  let text = "";
  let startS = 0;
  let endS = 0;
  let probability = 0;
  let count = 0;
  const flush = (): void => {
    if (text !== "") {
      words.push({
        word: text,
        start: roundMs(time.startS + startS),
        end: roundMs(time.startS + endS),
        confidence: Math.round((probability / count) * 1e4) / 1e4,
      });
    }
    text = "";
    count = 0;
    probability = 0;
  };
  for (let k = 0; k < tokens.ids.length; k++) {
    const id = tokens.ids[k]!;
    if (vocabulary.hidden.has(id)) continue;
    // Some exports write the space of characters as it is.
    const piece = (vocabulary.pieces[id] ?? "").replaceAll(" ", "▁");
    if (piece.startsWith("▁")) flush();
    // A piece of ▁ alone opens the word that the next piece fills; ▁ inside a piece is a space all the same.
    const shown = piece.startsWith("▁") ? piece.slice(1) : piece;
    if (count === 0) startS = tokens.spans ? tokens.spans[2 * k]! * time.hopS : tokens.frames[k]! * time.frameS;
    endS = tokens.spans ? tokens.spans[2 * k + 1]! * time.hopS : (tokens.frames[k]! + 1) * time.frameS;
    text += shown.replaceAll("▁", " ");
    probability += tokens.probabilities[k]!;
    count++;
  }
  flush();
  return words;
}

/**
 * The words one after the other, and after `afterS`: a word that begins before the one before it ends begins with that end, and none is shorter
 * than a millisecond. Readings of two windows may disagree, and a model may write two words at once.
 */
export function inSequence(words: readonly Word[], afterS = 0): Word[] {
  let lastS = afterS;
  return words.map((word) => {
    const start = Math.max(word.start, lastS);
    const end = Math.max(word.end, roundMs(start + 0.001));
    lastS = end;
    return start === word.start && end === word.end ? word : { ...word, start, end };
  });
}

/** Multiplies the logarithmic odds of a probability, rounded to four digits: a slope above 1 makes sure words surer and unsure ones less sure. */
export function calibrated(probability: number, slope: number): number {
  const [yes, no] = [probability ** slope, (1 - probability) ** slope];
  return Math.round((yes / (yes + no)) * 1e4) / 1e4;
}

/** The text of words as people read it. */
export function joinWords(words: readonly Word[]): string {
  return words.map((word) => word.word).join(" ");
}

/** Mean confidence of words, rounded to four digits; undefined for none. */
export function meanConfidence(words: readonly Word[]): number | undefined {
  if (words.length === 0) return undefined;
  return Math.round((words.reduce((sum, word) => sum + word.confidence, 0) / words.length) * 1e4) / 1e4;
}

function roundMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
