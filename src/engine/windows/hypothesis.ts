import type { EndpointReason, Hypothesis, Word } from "../contract.ts";
import { joinWords, meanConfidence } from "../acoustic/words.ts";

/** The final of an utterance. Only a forced cut (`length`) is no end of speech. */
export function finalOf(words: readonly Word[], reason: EndpointReason): Hypothesis {
  return {
    type: "final",
    committed: joinWords(words),
    tentative: "",
    words,
    confidence: meanConfidence(words),
    endpointReason: reason,
    speechFinal: reason !== "length",
  };
}
