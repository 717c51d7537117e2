import { CROSS_RULES } from "../../src/config/rules/all.ts";
import { allFacts, RELOAD_TEXT, type KeyFacts } from "../../src/config/schema/explain.ts";
import { FORMER_VARIABLES } from "../../src/config/former-names.ts";
import { isSection, type Section } from "../../src/config/schema/node.ts";
import { PROBLEM_CODES } from "../../src/config/problems/problem.ts";
import { OTHER_VARIABLES } from "../../src/config/variables.ts";
import { cell } from "./markdown.ts";

/** docs/reference/config.md, out of the schema. */
export function renderConfigPage(schema: Section): string {
  const facts = allFacts(schema);
  return [
    "# Configuration",
    "",
    "<!-- generated from the schema by `node scripts/docs.js`; a test compares -->",
    "",
    INTRODUCTION,
    "",
    "## Keys",
    "",
    ...Object.entries(schema.properties).flatMap(([name, node]) =>
      isSection(node)
        ? [
            `### ${name}`,
            "",
            `${node.title}. ${node.description}`,
            "",
            ...keyTable(facts.filter(({ key }) => key.startsWith(`${name}.`))),
            "",
          ]
        : [],
    ),
    "*On change* says what a change does to a running service:",
    "",
    ...Object.entries(RELOAD_TEXT).map(([name, text]) => `- \`${name}\`: ${text}`),
    "",
    "## Rules over several keys",
    "",
    "Broken, they are errors:",
    "",
    ...rules("error"),
    "",
    "## Warnings",
    "",
    "Valid, but probably a mistake; `gigastt config check` and every start report them:",
    "",
    ...rules("warning"),
    "",
    "## Other variables",
    "",
    "| variable | what it is |",
    "|---|---|",
    ...Object.entries(OTHER_VARIABLES).map(([name, text]) => `| \`${name}\` | ${cell(text)} |`),
    ...Object.entries(FORMER_VARIABLES).map(
      ([name, key]) => `| \`${name}\` | Sets \`${key}\`: the Rust server's name. |`,
    ),
    "",
    "## Problem codes",
    "",
    "`gigastt config check --json` gives each problem a code:",
    "",
    "| code | meaning |",
    "|---|---|",
    ...Object.entries(PROBLEM_CODES).map(([code, text]) => `| \`${code}\` | ${cell(text)} |`),
    "",
  ].join("\n");
}

// ---

const INTRODUCTION = `One YAML file, every key optional. \`gigastt.config.yaml\` in the root of the repository holds every key with its default and meaning.

**Where it is looked for**, the first that exists:

1. \`--config FILE\`
2. the variable \`GIGASTT_CONFIG\`
3. \`./gigastt.local.yaml\`, which \`gigastt init\` writes beside the example of a checkout: git ignores it, an update never conflicts
4. \`./gigastt.config.yaml\`
5. \`$XDG_CONFIG_HOME/gigastt/gigastt.config.yaml\` (\`~/.config\` when unset)
6. \`/etc/gigastt/gigastt.config.yaml\`

A file that \`--config\` or \`GIGASTT_CONFIG\` names must exist. Without any file the defaults apply.

**What wins**: defaults < file < \`GIGASTT_*\` variables < flags (\`--set pool.size=8\`, \`--port 8080\`). \`gigastt config print\` shows each value and where it came from.

**Units**: durations are written \`250ms\`, \`10s\`, \`5m\`, \`1h30m\`, \`2d\`; sizes \`100B\`, \`512KiB\`, \`50MiB\`, \`1GB\`. A bare number is refused, except \`0\` where it means "off" or "never". Variables ending in \`_SECS\` or \`_BYTES\` also take a plain number of that unit.

**Variables**: the name is in the table. Booleans are \`1\`/\`true\` and \`0\`/\`false\`; lists are separated by commas; an empty variable counts as not set; an unknown \`GIGASTT_*\` variable is warned about. The variables that Kubernetes derives from a Service called \`gigastt\` (\`GIGASTT_PORT=tcp://…\`) are ignored.

**Checking**: \`gigastt config check [FILE]\` reports every problem at once, as \`file:line:col key: rule, value found; cure\`, and exits 2. \`gigastt config explain KEY\` tells what the table tells. Editors with a YAML language server complete and check the file through \`gigastt.schema.json\`.

The file is YAML 1.2 in UTF-8, at most 256 KiB, without anchors, aliases, tags, merge keys or a second document.`;

function keyTable(facts: readonly KeyFacts[]): string[] {
  return [
    "| key | default | allowed | variable | on change |",
    "|---|---|---|---|---|",
    ...facts.flatMap((fact) => [
      `| \`${fact.key}\` | ${fact.default === undefined ? "required" : `\`${cell(fact.default)}\``} | ${cell(fact.type)} | \`${fact.variable}\` | ${fact.reload} |`,
    ]),
    "",
    ...facts.map((fact) => `- \`${fact.key}\`: ${fact.title}. ${fact.description}`),
  ];
}

function rules(severity: "error" | "warning"): string[] {
  return CROSS_RULES.filter((rule) => rule.severity === severity).map((rule) => `- ${rule.says}`);
}
