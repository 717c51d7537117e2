import { GLOBAL_FLAGS, TOP_FLAGS } from "./args.ts";
import { TOPICS, type Command, type FlagSpec, type Registry } from "./command.ts";
import { table, textWidth, wrap, type Paint } from "./output.ts";

/** The help of gigastt itself. */
export function renderTopHelp(commands: Registry, paint: Paint, columns = 100): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  return `${[
    "Self-hosted Russian speech recognition.",
    `${paint.bold("Usage:")} gigastt COMMAND [FLAGS]`,
    ...Object.entries(TOPICS).flatMap(([topic, title]) => {
      const own = Object.entries(commands).filter(([, entry]) => entry.topic === topic);
      const rows = own.map(([name, { summary }]) => [name.padEnd(width), summary] as const);
      return rows.length === 0 ? [] : [section(`${title}:`, rows, paint, columns)];
    }),
    section("Flags:", flagRows({ ...GLOBAL_FLAGS, ...TOP_FLAGS }), paint, columns),
    ...[
      "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 130 interrupted (Ctrl-C), 143 terminated.",
      "`gigastt COMMAND --help` shows the help of a command.",
    ].map((text) => wrap(text, columns).join("\n")),
  ].join("\n\n")}\n`;
}

/** The help of one command. @param path its words, e.g. `["config", "check"]` */
export function renderHelp(path: readonly string[], command: Command, paint: Paint, columns = 100): string {
  const name = `gigastt ${path.join(" ")}`;
  const parts = [command.summary.replace(/\.?$/, "."), `${paint.bold("Usage:")} ${usageOf(path, command)}`];
  if (command.help !== undefined) parts.push(wrap(command.help.trim(), columns).join("\n"));
  if (command.subcommands !== undefined) {
    parts.push(
      section(
        "Commands:",
        Object.entries(command.subcommands).map(([word, { summary }]) => [word, summary]),
        paint,
        columns,
      ),
    );
  }
  if (command.flags !== undefined) parts.push(section("Flags:", flagRows(command.flags), paint, columns));
  parts.push(section("Global flags:", flagRows(GLOBAL_FLAGS), paint, columns));
  if (command.subcommands !== undefined) parts.push(`\`${name} COMMAND --help\` shows the help of a command.`);
  return `${parts.join("\n\n")}\n`;
}

/** `gigastt config check [FILE] [FLAGS]` */
export function usageOf(path: readonly string[], command: Command): string {
  const words = ["gigastt", ...path];
  if (command.subcommands !== undefined) words.push(command.run === undefined ? "COMMAND" : "[COMMAND]");
  if (command.positionals !== undefined && command.positionals !== "") words.push(command.positionals);
  words.push("[FLAGS]");
  return words.join(" ");
}

/** `-c, --config FILE` */
export function flagSyntax(name: string, flag: FlagSpec): string {
  const value =
    flag.type === "string" ? ` ${flag.choices === undefined ? (flag.value ?? "VALUE") : flag.choices.join("|")}` : "";
  return `${flag.short === undefined ? "    " : `-${flag.short}, `}--${name}${value}`;
}

// ---

function flagRows(flags: Readonly<Record<string, FlagSpec>>): [string, string][] {
  const shown = Object.entries(flags).filter(([, { describe }]) => describe !== "");
  return shown.map(([name, flag]) => [flagSyntax(name, flag), flag.describe]);
}

/** Two columns; where the terminal is too narrow for them, the second goes below the first. */
function section(title: string, rows: readonly (readonly [string, string])[], paint: Paint, columns: number): string {
  const first = Math.max(0, ...rows.map(([name]) => textWidth(name)));
  const second = columns - first - 4;
  if (second >= 24) {
    const broken = rows.flatMap(([name, text]) =>
      wrap(text, second).map((line, index): [string, string] => [index === 0 ? name : "", line]),
    );
    return `${paint.bold(title)}\n${table(broken, "  ")}`;
  }
  const lines = rows.flatMap(([name, text]) => [
    `  ${name}`,
    ...wrap(text, columns - 8).map((line) => `        ${line}`),
  ]);
  return `${paint.bold(title)}\n${lines.join("\n")}`;
}
