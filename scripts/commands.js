// The list of commands, src/cli/registry.ts: name, topic and summary of each file in src/cli/commands, found without loading it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const TOPICS = ["run", "recognise", "set-up", "deploy"];

/** Text of src/cli/registry.ts. Throws when a command file does not say its summary, topic and rank. */
export function renderCommands(root) {
  const folder = join(root, "src", "cli", "commands");
  const commands = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => headOf(file, readFileSync(join(folder, file), "utf8")))
    .sort((a, b) => TOPICS.indexOf(a.topic) - TOPICS.indexOf(b.topic) || a.rank - b.rank || (a.name < b.name ? -1 : 1));
  const entries = commands.flatMap(({ name, topic, summary }) => [
    `  ${/^\w+$/.test(name) ? name : `"${name}"`}: {`,
    `    topic: "${topic}",`,
    `    summary: ${summary},`,
    `    load: async () => (await import("./commands/${name}.ts")).command,`,
    "  },",
  ]);
  return [
    "// Written by scripts/commands.js from the files in src/cli/commands. Do not edit: every build writes it.",
    'import type { Registry } from "./command.ts";',
    "",
    "/** Every top-level command; its code is loaded only when it runs. */",
    "export const registry: Registry = {",
    ...entries,
    "};",
    "",
  ].join("\n");
}

function headOf(file, text) {
  const body = /^export const command: Command = \{\n([^]*?)^\};$/m.exec(text)?.[1] ?? "";
  const value = (key, pattern) => {
    const found = new RegExp(`^  ${key}: (${pattern}),$`, "m").exec(body)?.[1];
    if (found !== undefined) return found;
    throw new Error(`src/cli/commands/${file}: \`export const command: Command\` needs a line \`${key}: ${pattern},\``);
  };
  return {
    name: file.slice(0, -".ts".length),
    summary: value("summary", '"[^"]+"'),
    topic: value("topic", `"(?:${TOPICS.join("|")})"`).slice(1, -1),
    rank: Number(value("rank", "\\d+")),
  };
}
