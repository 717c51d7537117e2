import { parseArgs } from "node:util";
import { printable } from "../shared/text/printable.ts";
import { closest, didYouMean } from "../shared/text/suggest.ts";
import type { Command, FlagSpec } from "./command.ts";
import { UsageError } from "./usage.ts";

/** A file of this name is standard input, or standard output. */
export const STDIO = "-";

type Flags = Readonly<Record<string, FlagSpec>>;

/** Flags that every command takes, before or after its name. */
export const GLOBAL_FLAGS: Flags = {
  config: { type: "string", short: "c", value: "FILE", describe: "configuration file" },
  set: {
    type: "string",
    value: "KEY=VALUE",
    multiple: true,
    describe: "set one configuration key, for example pool.size=8; may be repeated",
  },
  "no-color": { type: "boolean", describe: "no colours; the NO_COLOR variable does the same" },
  help: { type: "boolean", short: "h", describe: "show help" },
};

/** `--version` belongs to gigastt itself only. */
export const TOP_FLAGS: Flags = { version: { type: "boolean", short: "V", describe: "show the version" } };

export interface ParsedFlags {
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
}

/** The words that name the command, as far as flags known so far can tell words from flag values. */
export function positionalsOf(
  argv: readonly string[],
  known: Flags,
): { words: string[]; unknownBefore: string | undefined } {
  const words: string[] = [];
  let unknownBefore: string | undefined;
  for (const token of tokenize(argv, known)) {
    if (token.kind === "option-terminator") break;
    if (token.kind === "positional") words.push(token.value);
    else if (words.length === 0 && !Object.hasOwn(known, token.name)) unknownBefore ??= token.rawName;
  }
  return { words, unknownBefore };
}

/** Strict parsing for one command: every mistake of the line at once, with did-you-mean. Throws UsageError. */
export function parseFlags(argv: readonly string[], path: readonly string[], command: Command): ParsedFlags {
  const known = { ...GLOBAL_FLAGS, ...command.flags };
  const flags: Record<string, string | boolean | string[]> = {};
  const positionals: string[] = [];
  const mistakes: string[] = [];
  let spoiled = -1;
  for (const token of tokenize(argv, known)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option" || token.index === spoiled) continue;
    const meant = singleDash(argv[token.index] ?? "", known);
    if (meant !== undefined) {
      mistakes.push(meant);
      spoiled = token.index;
      continue;
    }
    const spec = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    const mistake =
      spec === undefined
        ? unknownFlag(token.rawName, known)
        : flagMistake(token, spec, flags[token.name] !== undefined);
    if (mistake !== undefined || spec === undefined) {
      if (mistake !== undefined) mistakes.push(mistake);
      continue;
    }
    const value = spec.type === "boolean" ? (token.value ?? true) : (token.value ?? "");
    if (spec.multiple === true && typeof value === "string") {
      const list = flags[token.name];
      flags[token.name] = [...(Array.isArray(list) ? list : []), value];
    } else {
      flags[token.name] = value;
    }
  }
  const own = positionals.slice(path.length);
  // --help wins over every mistake on the line.
  if (flags["help"] === true) return { flags, positionals: own };
  mistakes.push(...positionalMistakes(own, command.positionals ?? ""));
  if (mistakes.length > 0) throw new UsageError(mistakes, path);
  return { flags, positionals: own };
}

/** How many positionals a usage text such as `FILE…|-`, `[KEY]` or `URL` allows. */
export function positionalBounds(usage: string): { min: number; max: number } {
  const words = usage.split(/\s+/).filter((word) => word !== "");
  const many = words.some((word) => word.includes("…") || word.includes("..."));
  return { min: words.filter((word) => !word.startsWith("[")).length, max: many ? Infinity : words.length };
}

// ---

type Token =
  | {
      readonly kind: "option";
      readonly name: string;
      readonly rawName: string;
      readonly value: string | undefined;
      readonly inline: boolean;
      readonly index: number;
    }
  | { readonly kind: "positional"; readonly value: string }
  | { readonly kind: "option-terminator" };

function tokenize(argv: readonly string[], known: Flags): Token[] {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short === undefined ? {} : { short }) },
    ]),
  );
  // Not strict: parseArgs stops at the first mistake and has no did-you-mean; its tokens are enough.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  return tokens.map((token): Token => {
    if (token.kind !== "option") return token;
    return {
      kind: "option",
      name: token.name,
      rawName: token.rawName,
      value: token.value,
      inline: token.inlineValue === true,
      index: token.index,
    };
  });
}

function unknownFlag(rawName: string, known: Flags): string {
  const meant = rawName.startsWith("--") ? didYouMean(rawName, longNames(known)) : "";
  return `unknown flag ${printable(rawName)}${meant === "" ? "" : `, ${meant}`}`;
}

/** `-json`: read letter by letter it would be -j -s -o n. */
function singleDash(word: string, known: Flags): string | undefined {
  if (!/^-[a-z]/.test(word) || word.length < 4) return undefined;
  const letters = word.slice(1).split("");
  if (letters.every((letter) => Object.values(known).some(({ short }) => short === letter))) return undefined;
  const meant = closest(word.slice(1), Object.keys(known));
  if (meant !== undefined) return `${printable(word)} has one dash, did you mean --${meant}?`;
  // `-otalk.srt` is -o with its value; `-dash.wav` is not a flag, and the h in it does not ask for help.
  const specs = letters.map((letter) => Object.values(known).find(({ short }) => short === letter));
  const strange = specs.indexOf(undefined);
  const valued = specs.findIndex((spec) => spec?.type === "string");
  if (strange < 0 || (valued >= 0 && valued < strange)) return undefined;
  return `unknown flag ${printable(word)}; a name that begins with a dash goes after --`;
}

function longNames(known: Flags): string[] {
  return Object.entries(known).flatMap(([name, { guarded }]) => (guarded === true ? [] : [`--${name}`]));
}

function flagMistake(token: Token & { kind: "option" }, spec: FlagSpec, seen: boolean): string | undefined {
  const { rawName, value } = token;
  if (seen && spec.multiple !== true && spec.type === "string") return `${rawName} is given twice; give it once`;
  if (spec.type === "boolean") {
    if (value === undefined || spec.choices?.includes(value) === true) return undefined;
    if (spec.choices !== undefined)
      return `${rawName}= must be one of ${spec.choices.join(", ")}, found "${printable(value)}"`;
    return `${rawName} takes no value, found "${printable(value)}"`;
  }
  const placeholder = spec.value ?? "VALUE";
  if (value === undefined) return `${rawName} needs a value: ${rawName} ${placeholder}`;
  if (!token.inline && value.startsWith("-") && value !== STDIO) {
    return `${rawName} needs a value, found the flag ${printable(value)}; a value that starts with a dash is written ${rawName}=${printable(value)}`;
  }
  if (value === "") return `${rawName} needs a value, found an empty text`;
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const meant = closest(value, spec.choices);
    return `${rawName} must be one of ${spec.choices.join(", ")}, found "${printable(value)}"${meant === undefined ? "" : `; did you mean ${meant}?`}`;
  }
  return undefined;
}

function positionalMistakes(positionals: readonly string[], usage: string): string[] {
  const { min, max } = positionalBounds(usage);
  if (positionals.length < min) return [`missing argument: ${usage}`];
  if (positionals.length <= max) return [];
  const surplus = positionals.slice(max).map((word) => `"${printable(word)}"`);
  return [
    `unexpected ${surplus.length === 1 ? "argument" : "arguments"} ${surplus.join(", ")}: the command takes ${max === 0 ? "no arguments" : usage}`,
  ];
}
