import { GLOBAL_FLAGS, TOP_FLAGS } from "../args.ts";
import type { Command, FlagSpec } from "../command.ts";

/** One command as completions see it. */
export interface CompletionNode {
  /** `/config/check`; empty for gigastt itself. */
  readonly path: string;
  readonly children: readonly Word[];
  readonly flags: readonly CompletionFlag[];
  /** What a positional may be. */
  readonly positional: ValueKind;
}

export interface Word {
  readonly word: string;
  readonly describe: string;
}

export interface CompletionFlag {
  readonly name: string;
  readonly short: string | undefined;
  readonly describe: string;
  /** undefined for a switch. */
  readonly value: ValueKind | undefined;
}

export type ValueKind =
  | { readonly kind: "file" }
  | { readonly kind: "any" }
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** `KEY=`, the value follows without a space. */
  | { readonly kind: "keys"; readonly words: readonly string[] };

/** Every command with what may follow it, parents before children. @param configKeys dotted keys for `--set` */
export function completionTree(
  commands: Readonly<Record<string, Command>>,
  configKeys: readonly string[],
): readonly CompletionNode[] {
  const top: CompletionNode = {
    path: "",
    children: [...wordsOf(commands), { word: "help", describe: "show help" }],
    flags: flagsOf({ ...GLOBAL_FLAGS, ...TOP_FLAGS }, configKeys),
    positional: { kind: "any" },
  };
  return [top, ...Object.entries(commands).flatMap(([name, command]) => nodesOf(`/${name}`, command, configKeys))];
}

// ---

function nodesOf(path: string, command: Command, configKeys: readonly string[]): CompletionNode[] {
  const children = command.subcommands ?? {};
  return [
    {
      path,
      children: wordsOf(children),
      flags: flagsOf({ ...command.flags, ...GLOBAL_FLAGS }, configKeys),
      positional: positionalOf(command),
    },
    ...Object.entries(children).flatMap(([name, child]) => nodesOf(`${path}/${name}`, child, configKeys)),
  ];
}

function wordsOf(commands: Readonly<Record<string, Command>>): Word[] {
  return Object.entries(commands).map(([word, { summary }]) => ({ word, describe: summary }));
}

function flagsOf(flags: Readonly<Record<string, FlagSpec>>, configKeys: readonly string[]): CompletionFlag[] {
  const shown = Object.entries(flags).filter(([, { describe }]) => describe !== "");
  return shown.map(([name, flag]) => ({
    name,
    short: flag.short,
    describe: flag.describe,
    value: flag.type === "boolean" ? undefined : valueOf(flag, configKeys),
  }));
}

function valueOf(flag: FlagSpec, configKeys: readonly string[]): ValueKind {
  if (flag.choices !== undefined) return { kind: "words", words: flag.choices };
  if (flag.value === "KEY=VALUE") return { kind: "keys", words: configKeys };
  return isFile(flag.value ?? "") ? { kind: "file" } : { kind: "any" };
}

function positionalOf(command: Command): ValueKind {
  if (command.choices !== undefined) return { kind: "words", words: command.choices };
  return isFile(command.positionals ?? "") ? { kind: "file" } : { kind: "any" };
}

function isFile(placeholder: string): boolean {
  return /FILE|DIR|PATH/.test(placeholder);
}
