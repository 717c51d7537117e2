import { WireError } from "../shared/errors.ts";
import { MODEL_LANGUAGE } from "../shared/protocol.ts";

/** Returns whether the model understands a language as clients name it: `ru`, `ru-RU`, `ru_RU`, `rus`, `Russian`, or `auto`. */
export function isSpokenLanguage(language: string): boolean {
  const text = language.trim().toLowerCase();
  if (text === "auto" || text === MODEL_LANGUAGE.name) return true;
  const [primary = ""] = text.split(/[-_]/);
  return /^[a-z]{2,3}$/.test(primary) && new Intl.Locale(primary).language === MODEL_LANGUAGE.code;
}

export function unsupportedLanguage(languages: readonly string[]): WireError {
  const { code, name } = MODEL_LANGUAGE;
  return new WireError(
    "unsupported_language",
    `the model understands ${name} (${code}), got ${languages.map(quoted).join(", ")}; leave language out or send ${code}`,
    { param: "language" },
  );
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
