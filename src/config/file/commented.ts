import { typeText } from "../schema/describe.ts";
import { isSection, type SchemaNode, type Section } from "../schema/node.ts";
import { holdsSecret, isRecord, redacted, resolvedName, unresolve } from "../resolve.ts";
import { variableName } from "../variables.ts";

export interface CommentedOptions {
  /** Where the editor finds the schema, as seen from the file. */
  readonly schemaPath?: string;
  /** Write secrets out; without it they are left to the reader as comments. */
  readonly reveal?: boolean;
}

/** Renders a complete configuration file: every key with its meaning, bounds and variable as comments. @param resolved the values to write */
export function renderCommented(root: Section, resolved: unknown, options: CommentedOptions = {}): string {
  const lines = [
    `# yaml-language-server: $schema=${options.schemaPath ?? "./gigastt.schema.json"}`,
    "#",
    ...comment(`${root.title}. ${root.description}`, ""),
    "# Ask `gigastt config explain KEY` about a key and `gigastt config check` about this file.",
  ];
  appendSection(lines, root, resolved, { indent: "", prefix: "", reveal: options.reveal === true });
  return `${lines.join("\n")}\n`;
}

/** Returns one value in YAML, on one line. */
export function yamlScalar(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlScalar).join(", ")}]`;
  if (isRecord(value)) {
    return `{${Object.entries(value)
      .map(([name, child]) => `${yamlScalar(name)}: ${yamlScalar(child)}`)
      .join(", ")}}`;
  }
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  // Anything that could be read as a number, a word of YAML or a structure goes into quotes; JSON's are YAML's.
  const plain = /^[A-Za-z/][\w./@%+-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value);
  const address = /^\d[\w.]*$/.test(value) && !/^[\d.]*(?:e\d*)?$/.test(value) && !/^0[xo]/.test(value);
  const ipv4 = /^\d+\.\d+\.\d+\.\d+(?:\/\d+)?$/.test(value);
  return plain || address || ipv4 ? value : JSON.stringify(value);
}

// ---

const WIDTH = 112;

interface Position {
  readonly indent: string;
  readonly prefix: string;
  readonly reveal: boolean;
}

function appendSection(lines: string[], section: Section, resolved: unknown, position: Position): void {
  const { indent, prefix, reveal } = position;
  const values = isRecord(resolved) ? resolved : {};
  for (const [name, node] of Object.entries(section.properties)) {
    const value = values[resolvedName(name, node)];
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (isSection(node)) {
      const isFirst = prefix !== "" && lines[lines.length - 1]?.trim() === `${prefix.split(".").pop()}:`;
      if (!isFirst) lines.push("");
      lines.push(...comment(`${node.title}. ${node.description}`, indent), `${indent}${name}:`);
      appendSection(lines, node, value, { indent: `${indent}  `, prefix: key, reveal });
      continue;
    }
    lines.push(...comment(`${node.title}. ${node.description}`, indent));
    lines.push(...comment(`${capital(typeText(node))}. ${variableName(key, node)}`, indent));
    lines.push(...entry(name, unresolve(node, value), node, position));
  }
}

function entry(name: string, value: unknown, node: SchemaNode, { indent, reveal }: Position): string[] {
  // A secret that is set becomes a comment: what is printed stays a file that loads.
  const hidden = !reveal && holdsSecret(node) && value !== null && yamlScalar(value) !== "[]";
  const start = `${indent}${hidden ? "# " : ""}${name}:`;
  const shown = hidden ? redacted(node, value) : value;
  const text = yamlScalar(shown);
  if (Array.isArray(shown) && text.length > 60 && !hidden) {
    return [start, ...shown.map((item) => `${indent}  - ${yamlScalar(item)}`)];
  }
  return [`${start} ${text}`];
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of text.replaceAll(/\.{2,}/g, ".").split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${indent}#`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
