import { stemmer as englishStem } from "@orama/stemmers/english";
import { stemmer as russianStem } from "@orama/stemmers/russian";

/** Longer ones are cut, in texts and in questions alike. */
const LONGEST_TERM = 64;
const TERM = /[\p{L}\p{N}]+/gu;
const STEMS_KEPT = 50_000;
const stems = new Map<string, string>();

/** Returns the terms of a text as they are compared: lower case, ё as е, without stress marks. */
export function termsOf(text: string): string[] {
  const folded = text.normalize("NFC").toLowerCase().replaceAll("ё", "е");
  // NFC keeps й in one piece; marks that are left stand for stress and the like.
  const plain = folded.replace(/\p{M}+/gu, "");
  return (plain.match(TERM) ?? []).map((term) =>
    term.length > LONGEST_TERM ? [...term].slice(0, LONGEST_TERM).join("") : term,
  );
}

/** Returns what the forms of a word have in common: кухня and кухнях give кухн. */
export function stemOf(term: string): string {
  const known = stems.get(term);
  if (known !== undefined) return known;
  const stem = newStem(term);
  if (stems.size >= STEMS_KEPT) stems.clear();
  stems.set(term, stem);
  return stem;
}

// ---

function newStem(term: string): string {
  if (/[а-я]/.test(term)) return russianStem(term) || term;
  return /^[a-z]+$/.test(term) ? englishStem(term) || term : term;
}
