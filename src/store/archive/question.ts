import { GigasttError } from "../../shared/errors.ts";
import { stemOf, termsOf } from "./terms.ts";

/** One condition of a question: these terms, one after another. */
export interface Condition {
  /** `stems`: any form of the words; `terms`: as written, the last one as the beginning of a word. */
  readonly field: "stems" | "terms";
  readonly sequence: readonly string[];
}

/** Code of a question that asks for too much. */
export const QUESTION_REFUSED = "GST_ARCHIVE_QUESTION";
export const LONGEST_QUESTION = 500;
const MOST_CONDITIONS = 16;
const SHORTEST_BEGINNING = 2;

/** A phrase in quotes of any language, the last one perhaps not closed; or a word. */
const PARTS = /["«»“”„]([^"«»“”„]*)["«»“”„]?|([^\s"«»“”„]+)/gu;

/**
 * Returns what a person asks for: each word in any form, "a phrase" in quotes, `begin*`. All of it must occur. Nothing else has a meaning, so no
 * text is a mistake; one without a letter or digit asks for nothing.
 */
export function parseQuestion(text: string): readonly Condition[] {
  if (text.length > LONGEST_QUESTION) throw refused(`must have at most ${LONGEST_QUESTION} characters`);
  const conditions = [...text.matchAll(PARTS)].flatMap(([, phrase, word = ""]): Condition[] => {
    const terms = termsOf(phrase ?? word);
    if (terms.length === 0) return [];
    if (phrase !== undefined || !/[\p{L}\p{N}]\*/u.test(word)) {
      return [{ field: "stems", sequence: terms.map(stemOf) }];
    }
    if (terms.join("").length < SHORTEST_BEGINNING) {
      throw refused(`needs at least ${SHORTEST_BEGINNING} characters before each *`);
    }
    return [{ field: "terms", sequence: terms }];
  });
  if (conditions.length > MOST_CONDITIONS) throw refused(`may have at most ${MOST_CONDITIONS} words and phrases`);
  return conditions;
}

// ---

function refused(rule: string): GigasttError {
  return new GigasttError(QUESTION_REFUSED, `the search ${rule}`, { exitCode: 2 });
}
