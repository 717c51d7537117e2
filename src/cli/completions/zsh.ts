import type { CompletionFlag, CompletionNode, ValueKind, Word } from "./tree.ts";

/** A script for `source <(gigastt completions zsh)` or a file `_gigastt` in $fpath. */
export function renderZsh(nodes: readonly CompletionNode[]): string {
  const paths = nodes.map(({ path }) => quote(path)).join("|");
  return `#compdef gigastt
# zsh completion for gigastt. Load it with: source <(gigastt completions zsh)
_gigastt() {
  local where="" flag="" word i
  for ((i = 2; i < CURRENT; i++)); do
    word="$words[i]"
    if [[ -n $flag ]]; then flag=""; continue; fi
    case "$word" in
      --) _files; return ;;
      -*=*) ;;
      -*) case "$where:$word" in ${valueFlagPattern(nodes)}) flag="$word" ;; esac ;;
      *) case "$where/$word" in ${paths}) where="$where/$word" ;; esac ;;
    esac
  done
  if [[ -z $flag && $PREFIX == --*=* ]]; then
    flag="\${PREFIX%%=*}"
    compset -P '*='
  fi
  local -a found
  if [[ -n $flag ]]; then
    case "$where:$flag" in
${nodes.flatMap((node) => node.flags.flatMap((flag) => valueCase(node, flag))).join("\n")}
    esac
    return
  fi
  if [[ $PREFIX == -* ]]; then
    case "$where" in
${nodes.map((node) => `      ${quote(node.path)}) found=(${node.flags.flatMap(flagWords).map(described).join(" ")}) ;;`).join("\n")}
    esac
    _describe -o flag found
    return
  fi
  case "$where" in
${nodes.map(positionalCase).join("\n")}
  esac
}
# As a file in $fpath zsh calls it directly; sourced, it has to be registered.
if [[ "\${funcstack[1]}" == _gigastt ]]; then _gigastt "$@"; else compdef _gigastt gigastt; fi
`;
}

// ---

function valueFlagPattern(nodes: readonly CompletionNode[]): string {
  return nodes
    .flatMap((node) =>
      node.flags
        .filter((flag) => flag.value !== undefined)
        .flatMap((flag) => flagWords(flag).map(({ word }) => quote(`${node.path}:${word}`))),
    )
    .join("|");
}

function valueCase(node: CompletionNode, flag: CompletionFlag): string[] {
  if (flag.value === undefined || flag.value.kind === "any") return [];
  const pattern = flagWords(flag)
    .map(({ word }) => quote(`${node.path}:${word}`))
    .join("|");
  return [`      ${pattern}) ${action(flag.value)} ;;`];
}

function positionalCase(node: CompletionNode): string {
  if (node.children.length > 0) {
    return `    ${quote(node.path)}) found=(${node.children.map(described).join(" ")}); _describe command found ;;`;
  }
  return `    ${quote(node.path)}) ${action(node.positional)} ;;`;
}

function action(value: ValueKind): string {
  if (value.kind === "file") return "_files";
  if (value.kind === "any") return ":";
  const words = value.words.map(quote).join(" ");
  return value.kind === "keys" ? `compadd -S = -- ${words}` : `compadd -- ${words}`;
}

function flagWords(flag: CompletionFlag): Word[] {
  const describe = flag.describe;
  const long = { word: `--${flag.name}`, describe };
  return flag.short === undefined ? [long] : [long, { word: `-${flag.short}`, describe }];
}

function described({ word, describe }: Word): string {
  return quote(`${word.replaceAll(":", "\\:")}:${describe}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
