import type { Source, Span } from "../source.ts";
import { lineSpan, lineText } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

export type HashScheme =
  | "bcrypt"
  | "argon2"
  | "sha512-crypt"
  | "sha256-crypt"
  | "apr1-md5"
  | "md5-crypt"
  | "sha1"
  | "des-crypt"
  | "plain";

export interface HtpasswdEntry extends Span {
  readonly user: string;
  readonly scheme: HashScheme;
  readonly line: number;
}

/** Parses an htpasswd file: `user:hash` lines. */
export function parseHtpasswd(source: Source): {
  readonly source: Source;
  readonly entries: readonly HtpasswdEntry[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
} {
  const entries: HtpasswdEntry[] = [];
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  for (let line = 1; line <= source.lineStarts.length; line += 1) {
    const text = lineText(source, line).trim();
    const span = lineSpan(source, line);
    if (text === "") continue;
    if (text.startsWith("#")) {
      comments.push(span);
      continue;
    }
    const colon = text.indexOf(":");
    if (colon <= 0) {
      problems.push({ span, message: "the line is not user:hash" });
      continue;
    }
    entries.push({ ...span, user: text.slice(0, colon), scheme: hashScheme(text.slice(colon + 1)), line });
  }
  return { source, entries, comments, problems };
}

/** Which password hash a string is. */
export function hashScheme(hash: string): HashScheme {
  if (/^\$2[aby]?\$\d\d\$/.test(hash)) return "bcrypt";
  if (/^\$argon2(?:id|i|d)\$/.test(hash)) return "argon2";
  if (hash.startsWith("$6$")) return "sha512-crypt";
  if (hash.startsWith("$5$")) return "sha256-crypt";
  if (hash.startsWith("$apr1$")) return "apr1-md5";
  if (hash.startsWith("$1$")) return "md5-crypt";
  if (/^\{S?SHA\}/.test(hash)) return "sha1";
  if (/^[./0-9A-Za-z]{13}$/.test(hash)) return "des-crypt";
  return "plain";
}
