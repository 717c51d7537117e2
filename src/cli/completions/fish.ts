import type { CompletionFlag, CompletionNode, ValueKind } from "./tree.ts";

/** A script for `gigastt completions fish | source`. */
export function renderFish(nodes: readonly CompletionNode[]): string {
  const valueFlags = nodes.flatMap((node) =>
    node.flags
      .filter((flag) => flag.value !== undefined)
      .flatMap((flag) => spellings(flag).map((word) => `${node.path}:${word}`)),
  );
  return `# fish completion for gigastt. Load it with: gigastt completions fish | source
function __gigastt_at
    set -l where ""
    set -l flag ""
    for word in (commandline -opc)[2..-1]
        if test -n "$flag"
            set flag ""
        else if string match -q -- "-*=*" $word
            continue
        else if string match -q -- "-*" $word
            contains -- "$where:$word" ${valueFlags.map(quote).join(" ")}; and set flag $word
        else if contains -- "$where/$word" ${nodes
          .slice(1)
          .map(({ path }) => quote(path))
          .join(" ")}
            set where "$where/$word"
        end
    end
    test "$where" = "$argv[1]"
end
complete -c gigastt -e
complete -c gigastt -f
${nodes.flatMap(linesOf).join("\n")}
`;
}

// ---

function linesOf(node: CompletionNode): string[] {
  const start = `complete -c gigastt -n ${quote(`__gigastt_at "${node.path}"`)}`;
  const lines = node.children.map(({ word, describe }) => `${start} -a ${quote(word)} -d ${quote(describe)}`);
  if (node.children.length === 0)
    lines.push(...valueArguments(node.positional, false).map((rest) => `${start} ${rest}`));
  for (const flag of node.flags) {
    const names = `-l ${flag.name}${flag.short === undefined ? "" : ` -s ${flag.short}`} -d ${quote(flag.describe)}`;
    const value = flag.value === undefined ? "" : ` ${valueArguments(flag.value, true).join(" ")}`;
    lines.push(`${start} ${names}${value}`);
  }
  return lines;
}

function valueArguments(value: ValueKind, required: boolean): string[] {
  if (value.kind === "file") return [required ? "-r -F" : "-F"];
  if (value.kind === "any") return required ? ["-x"] : [];
  const words = value.words.map((word) => (value.kind === "keys" ? `${word}=` : word)).join(" ");
  return [`${required ? "-x " : ""}-a ${quote(words)}`];
}

function spellings(flag: CompletionFlag): string[] {
  return flag.short === undefined ? [`--${flag.name}`] : [`--${flag.name}`, `-${flag.short}`];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
