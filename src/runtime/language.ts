import type { Engine } from "../engine/contract.ts";
import { WireError } from "../shared/errors.ts";
import { LANGUAGE_NAMES } from "../shared/languages.ts";

/** Returns what the loaded model understands, ISO 639-1; Russian until one is loaded. */
export function modelLanguages({ model }: Pick<Engine, "model">): readonly string[] {
  return model?.languages ?? ["ru"];
}

/**
 * Returns which languages of the model a recording may be in: those that the client names as `ru`, `ru-RU`, `ru_RU`, `rus` or `Russian`, or
 * all of them when it names none or `auto`.
 * @throws WireError `unsupported_language` when it names only others
 */
export function requireLanguages(asked: readonly string[], spoken: readonly string[]): readonly string[] {
  const named = asked.map((language) => language.trim().toLowerCase()).filter((language) => language !== "");
  if (named.length === 0 || named.includes("auto")) return spoken;
  const wanted = spoken.filter((code) => named.some((language) => isName(language, code)));
  if (wanted.length > 0) return wanted;
  const [main = ""] = spoken;
  throw new WireError(
    "unsupported_language",
    `the model understands ${spoken.map((code) => `${languageName(code)} (${code})`).join(", ")}, got ${asked.map(quoted).join(", ")}; leave language out or send ${main}`,
    { param: "language" },
  );
}

/** Returns the English name that Whisper's clients read. */
export function languageName(code: string): string {
  return Object.entries(LANGUAGE_NAMES).find(([known]) => known === code)?.[1] ?? code;
}

// ---

function isName(language: string, code: string): boolean {
  if (language === languageName(code)) return true;
  const [primary = ""] = language.split(/[-_]/);
  return /^[a-z]{2,3}$/.test(primary) && new Intl.Locale(primary).language === code;
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
