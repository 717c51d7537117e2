/** English names by ISO 639-1 code: what models of the registry understand, as Whisper's clients read them. */
export const LANGUAGE_NAMES = {
  ru: "russian",
  en: "english",
  kk: "kazakh",
  ky: "kyrgyz",
  uz: "uzbek",
} as const;

/**
 * Returns the language of a text, one of `candidates`: by its script, then by letters and endings that only one of them has. The first
 * candidate when nothing speaks for another; a text of a few words can be taken for a neighbour.
 */
export function languageOf(text: string, candidates: readonly string[]): string {
  const [main = ""] = candidates;
  if (candidates.length <= 1) return main;
  const words = text.toLowerCase().match(/[\p{L}'’ʻ]+/gu) ?? [];
  const isLatin = words.filter((word) => /[a-z]/.test(word)).length * 2 > words.length;
  const rivals = (isLatin ? LATIN : CYRILLIC).filter(({ code }) => candidates.includes(code));
  const marked = rivals.find(({ mark, share }) => count(words, mark) > share * words.length);
  return marked?.code ?? rivals.at(-1)?.code ?? main;
}

// ---

/** In the order of their letters: Kazakh has all of Kyrgyz and more, Kyrgyz all of Russian. */
const CYRILLIC = [
  { code: "kk", mark: /[әғқұһі]/, share: 0.1 },
  { code: "ky", mark: /[өүң]/, share: 0.1 },
  { code: "ru", mark: /./, share: 0 },
] as const;
const LATIN = [
  {
    code: "uz",
    mark: /[og]['’ʻ]|q(?!u)|(?:lar|ning|dagi|dan|gan|lik)$|^(?:va|bu|bir|ham|bilan|uchun|men|biz)$/,
    share: 0.15,
  },
  { code: "en", mark: /./, share: 0 },
] as const;

function count(words: readonly string[], mark: RegExp): number {
  return words.filter((word) => mark.test(word)).length;
}
