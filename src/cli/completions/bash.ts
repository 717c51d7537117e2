import type { CompletionFlag, CompletionNode, ValueKind } from "./tree.ts";

/** A script for `source <(gigastt completions bash)`. */
export function renderBash(nodes: readonly CompletionNode[]): string {
  const paths = nodes.map(({ path }) => quote(path)).join("|");
  return `# bash completion for gigastt. Load it with: source <(gigastt completions bash)
_gigastt() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" where="" flag="" word i
  COMPREPLY=()
  # Bash splits --flag=value into three words.
  [[ $cur == "=" ]] && cur=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == "=" ]] && continue
    if [[ -n $flag ]]; then flag=""; continue; fi
    case "$word" in
      --) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
      -*) case "$where:$word" in ${valueFlagPattern(nodes)}) flag="$word" ;; esac ;;
      *) case "$where/$word" in ${paths}) where="$where/$word" ;; esac ;;
    esac
  done
  local words="" files="" nospace=""
  if [[ -n $flag ]]; then
    case "$where:$flag" in
${nodes.flatMap((node) => node.flags.flatMap((flag) => valueCase(node, flag))).join("\n")}
    esac
  elif [[ $cur == -* ]]; then
    case "$where" in
${nodes.map((node) => `      ${quote(node.path)}) words=${quote(node.flags.flatMap(spellings).join(" "))} ;;`).join("\n")}
    esac
  else
    case "$where" in
${nodes.map(positionalCase).join("\n")}
    esac
  fi
  if [[ -n $files ]]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    compopt -o filenames 2>/dev/null
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [[ -n $nospace ]] && compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -F _gigastt gigastt
`;
}

// ---

function spellings(flag: CompletionFlag): string[] {
  return flag.short === undefined ? [`--${flag.name}`] : [`--${flag.name}`, `-${flag.short}`];
}

function valueFlagPattern(nodes: readonly CompletionNode[]): string {
  const patterns = nodes.flatMap((node) =>
    node.flags
      .filter((flag) => flag.value !== undefined)
      .flatMap((flag) => spellings(flag).map((word) => quote(`${node.path}:${word}`))),
  );
  return patterns.join("|");
}

function valueCase(node: CompletionNode, flag: CompletionFlag): string[] {
  if (flag.value === undefined || flag.value.kind === "any") return [];
  const pattern = spellings(flag)
    .map((word) => quote(`${node.path}:${word}`))
    .join("|");
  return [`      ${pattern}) ${assignment(flag.value)} ;;`];
}

function positionalCase(node: CompletionNode): string {
  const words = node.children.map(({ word }) => word);
  const positional = words.length > 0 ? ({ kind: "words", words } as const) : node.positional;
  return `      ${quote(node.path)}) ${assignment(positional)} ;;`;
}

function assignment(value: ValueKind): string {
  if (value.kind === "file") return "files=1";
  if (value.kind === "any") return ":";
  const words = value.words.map((word) => (value.kind === "keys" ? `${word}=` : word)).join(" ");
  return `words=${quote(words)}${value.kind === "keys" ? " nospace=1" : ""}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
