import { GLOBAL_FLAGS, TOP_FLAGS } from "../../src/cli/args.ts";
import type { Command, FlagSpec } from "../../src/cli/command.ts";
import { flagSyntax, usageOf } from "../../src/cli/help.ts";
import { cell } from "./markdown.ts";

/** docs/reference/cli.md, out of the registry. @param commands every top-level command, loaded */
export function renderCliPage(commands: Readonly<Record<string, Command>>): string {
  return [
    "# Command line",
    "",
    "<!-- generated from the command registry by `node scripts/docs.js`; a test compares -->",
    "",
    INTRODUCTION,
    "",
    "## Global flags",
    "",
    ...flagTable({ ...GLOBAL_FLAGS, ...TOP_FLAGS }),
    "",
    "## Commands",
    "",
    ...Object.entries(commands).map(([name, { summary }]) => `- [\`${name}\`](#gigastt-${name}): ${summary}`),
    "",
    ...Object.entries(commands).flatMap(([name, command]) => renderCommand([name], command)),
  ].join("\n");
}

// ---

const INTRODUCTION = `\`gigastt COMMAND [FLAGS]\`. Every command answers \`--help\`. Flags are strict: an unknown one, a missing value or a value that is not allowed is refused. All mistakes of the line are reported at once.

| exit code | meaning |
|---|---|
| 0 | it worked |
| 1 | it failed: one to three lines on stderr say why and what to do |
| 2 | the command line or the configuration is wrong: nothing was done |
| 130 | interrupted by Ctrl-C (SIGINT), as shells count it: 128 + 2 |
| 143 | ended by SIGTERM: 128 + 15 |

The first SIGINT or SIGTERM lets the command clean up, the second ends it at once. Services (\`up\`, \`serve\`) drain on the signal and exit 0.

Output for people goes to stdout in colour on a terminal, plain elsewhere (\`NO_COLOR\`, \`--no-color\`; \`FORCE_COLOR\` asks for colours in a pipe). Warnings, errors and progress go to stderr, so \`--json\` output is always clean. A reader that closes the pipe early (\`| head\`) is not an error.

An error that is not the user's ends with a stack, the versions and the request to report it.`;

function renderCommand(path: readonly string[], command: Command): string[] {
  const level = "#".repeat(Math.min(6, path.length + 2));
  const lines = [`${level} gigastt ${path.join(" ")}`, "", `${command.summary.replace(/\.?$/, ".")}`, ""];
  lines.push("```", usageOf(path, command), "```", "");
  if (command.help !== undefined) lines.push(command.help.trim(), "");
  if (command.flags !== undefined && Object.keys(command.flags).length > 0) lines.push(...flagTable(command.flags), "");
  for (const [name, child] of Object.entries(command.subcommands ?? {}))
    lines.push(...renderCommand([...path, name], child));
  return lines;
}

function flagTable(flags: Readonly<Record<string, FlagSpec>>): string[] {
  const shown = Object.entries(flags).filter(([, { describe }]) => describe !== "");
  return [
    "| flag | meaning |",
    "|---|---|",
    ...shown.map(([name, flag]) => {
      const repeat = flag.multiple === true && !flag.describe.includes("repeat") ? "; may be repeated" : "";
      return `| \`${cell(flagSyntax(name, flag).trim())}\` | ${cell(flag.describe)}${repeat} |`;
    }),
  ];
}
