import { computed, signal } from "@preact/signals";
import { en } from "./en.ts";
import type { TextKey } from "./en.ts";
import { ru } from "./ru.ts";

export type Language = "en" | "ru";

const LANGUAGES: Readonly<
  Record<Language, { readonly name: string; readonly texts: Readonly<Record<TextKey, string>> }>
> = {
  en: { name: "English", texts: en },
  ru: { name: "Русский", texts: ru },
};
export const LANGUAGE_NAMES: readonly (readonly [Language, string])[] = [
  ["en", LANGUAGES.en.name],
  ["ru", LANGUAGES.ru.name],
];

const KEY = "gigastt-language";

export const language = signal<Language>(initial());
const texts = computed(() => LANGUAGES[language.value].texts);
const plural = computed(() => new Intl.PluralRules(language.value));

export function setLanguage(next: Language): void {
  language.value = next;
  remember(KEY, next);
}

/** Returns a text in the language of the page. `n` also chooses the form of the number. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const forms = texts.value[key].split("|");
  const form = forms.length === 1 ? forms[0] : forms[formIndex(Number(values["n"]), forms.length)];
  return (form ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A setting of this browser; lost where the browser keeps nothing. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It holds for this visit.
  }
}

export function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

// ---

function formIndex(n: number, forms: number): number {
  const category = plural.value.select(n);
  if (category === "one") return 0;
  return category === "few" && forms === 3 ? 1 : forms - 1;
}

function initial(): Language {
  const wanted = [remembered(KEY) ?? "", ...navigator.languages];
  return (
    wanted.map((name) => name.slice(0, 2)).find((name): name is Language => Object.hasOwn(LANGUAGES, name)) ?? "en"
  );
}
