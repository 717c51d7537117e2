// Readers of the rendered formats, written for these tests alone: they share nothing with the renderer.

/** One nginx directive. */
export interface NginxNode {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly NginxNode[] | undefined;
}

/** Parses an nginx file; `include` is replaced by the file's nodes where `files` has it by its last path segment. */
export function parseNginx(text: string, files: ReadonlyMap<string, string> = new Map()): readonly NginxNode[] {
  const tokens = [
    ...text.matchAll(/#[^\n]*|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([{};])|((?:\$\{[^}]*\}|[^\s{};"'])+)/g),
  ].filter(([whole]) => !whole.startsWith("#"));
  let at = 0;
  const parse = (depth: number): NginxNode[] => {
    const nodes: NginxNode[] = [];
    let words: string[] = [];
    while (at < tokens.length) {
      const [, double, single, mark, bare] = tokens[at++]!;
      if (mark === "}") {
        if (depth === 0 || words.length > 0) throw new Error(`unexpected } after ${words.join(" ")}`);
        return nodes;
      }
      if (mark === undefined) {
        words.push(double?.replace(/\\(.)/g, "$1") ?? single ?? bare ?? "");
        continue;
      }
      const [name = "", ...args] = words;
      if (words.length === 0) throw new Error(`${mark} without a directive`);
      const included = name === "include" ? files.get(args[0]!.slice(args[0]!.lastIndexOf("/") + 1)) : undefined;
      if (mark === "{") nodes.push({ name, args, block: parse(depth + 1) });
      else if (included !== undefined) nodes.push(...parseNginx(included, files));
      else nodes.push({ name, args, block: undefined });
      words = [];
    }
    if (depth > 0 || words.length > 0) throw new Error("unexpected end");
    return nodes;
  };
  return parse(0);
}

/** All nodes of one name, at any depth. */
export function findAll<T extends { readonly name: string; readonly block: readonly T[] | undefined }>(
  nodes: readonly T[],
  name: string,
): readonly T[] {
  return nodes.flatMap((node) => [...(node.name === name ? [node] : []), ...findAll(node.block ?? [], name)]);
}

/** One Caddyfile line, with its block. */
export interface CaddyNode {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly CaddyNode[] | undefined;
}

/** Parses a Caddyfile and expands `import` of snippets. */
export function parseCaddy(text: string): readonly CaddyNode[] {
  const lines = text.split("\n").map((line) =>
    [...line.matchAll(/"((?:\\"|[^"])*)"|(\S+)/g)].map(([, quoted, bare]) => ({
      text: quoted?.replaceAll('\\"', '"') ?? bare ?? "",
      quoted: quoted !== undefined,
    })),
  );
  let at = 0;
  const parse = (depth: number): CaddyNode[] => {
    const nodes: CaddyNode[] = [];
    while (at < lines.length) {
      const words = lines[at++]!;
      const comment = words.findIndex(({ text: word, quoted }) => !quoted && word.startsWith("#"));
      const line = comment < 0 ? words : words.slice(0, comment);
      if (line.length === 0) continue;
      if (line.length === 1 && line[0]!.text === "}") {
        if (depth === 0) throw new Error("unexpected }");
        return nodes;
      }
      const opens = line.at(-1)!.text === "{" && !line.at(-1)!.quoted;
      const [first, ...rest] = (opens ? line.slice(0, -1) : line).map(({ text: word }) => word);
      nodes.push({ name: first ?? "", args: rest, block: opens ? parse(depth + 1) : undefined });
    }
    if (depth > 0) throw new Error("unexpected end");
    return nodes;
  };
  const nodes = parse(0);
  const snippets = new Map(
    nodes.filter(({ name }) => name.startsWith("(")).map((node) => [node.name.slice(1, -1), node.block ?? []]),
  );
  const expand = (list: readonly CaddyNode[]): readonly CaddyNode[] =>
    list.flatMap((node) =>
      node.name === "import" && snippets.has(node.args[0] ?? "")
        ? expand(snippets.get(node.args[0]!)!)
        : [{ ...node, block: node.block === undefined ? undefined : expand(node.block) }],
    );
  return expand(nodes.filter(({ name }) => !name.startsWith("(")));
}

/** Sections of a systemd unit; an empty assignment resets the list. */
export function parseUnit(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    const pair = /^(\w+)=(.*)$/.exec(line);
    if (header) section = header[1]!;
    else if (pair) {
      const key = `${section}.${pair[1]}`;
      values.set(key, pair[2] === "" ? [] : [...(values.get(key) ?? []), pair[2]!]);
    } else throw new Error(`not a unit line: ${line}`);
  }
  return values;
}

/** Seconds of `330s`, `1d`, `300`. */
export function seconds(text: string | undefined): number {
  const match = /^(\d+)(s|m|h|d)?$/.exec(text ?? "");
  if (!match) throw new Error(`not a duration: ${text}`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? "s") as "s"]; // the pattern allows only these
}
