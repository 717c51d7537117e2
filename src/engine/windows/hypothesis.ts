import type { EndpointReason, Hypothesis, Word } from "../contract.ts";
import { joinWords, meanConfidence } from "../acoustic/words.ts";

/** The final of an utterance. All reasons but a forced cut (`length`) mean that speech has ended. */
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
