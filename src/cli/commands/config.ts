import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { renderCommented, yamlScalar } from "../../config/file/commented.ts";
import { defaultConfig } from "../../config/defaults.ts";
import { allFacts, explain, RELOAD_TEXT, type KeyFacts } from "../../config/schema/explain.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { isSection, settableKeys } from "../../config/schema/node.ts";
import { ConfigError, formatPlace } from "../../config/problems/problem.ts";
import { redacted, resolvedValue, unresolve } from "../../config/resolve.ts";
import { configSchema, toJsonSchema } from "../../config/schema/schema.ts";
import { configValues } from "../../config/values.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import { printable } from "../../shared/text/printable.ts";
import { closest } from "../../shared/text/suggest.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { loadOptions } from "../load-config.ts";
import { paintFor, table, wrap, writeJson, type Paint } from "../output.ts";
import { problemToJson, renderProblems } from "../problems.ts";
import { UsageError } from "../usage.ts";

const json: FlagSpec = { type: "boolean", describe: "answer JSON" };

export const command: Command = {
  summary: "Check, show and explain the configuration",
  topic: "set-up",
  rank: 2,
  help: "The file is the one given by --config, else by GIGASTT_CONFIG, else ./gigastt.local.yaml, ./gigastt.config.yaml, $XDG_CONFIG_HOME/gigastt/gigastt.config.yaml or /etc/gigastt/gigastt.config.yaml; without any the defaults apply. Variables win over the file, flags over variables.",
  subcommands: {
    check: {
      summary: "Report every problem of a configuration at once",
      positionals: "[FILE]",
      flags: { json },
      help: "Exit code 0 when it is usable (warnings allowed), 2 when it is not.",
      run: check,
    },
    print: {
      summary: "Show every value and where it came from",
      flags: {
        json,
        commented: { type: "boolean", describe: "a complete file with every key explained" },
        defaults: { type: "boolean", describe: "the defaults, without file, variables or flags" },
      },
      help: "The output is a valid configuration file.",
      run: print,
    },
    schema: {
      summary: "Print the JSON Schema for editors",
      flags: { json },
      run: schema,
    },
    explain: {
      summary: "Explain a key or a section",
      positionals: "[KEY]",
      choices: [...Object.keys(configSchema.properties), ...settableKeys(configSchema).keys()],
      flags: { json },
      help: "Without KEY it lists every key.",
      run: explainKey,
    },
  },
};

// --- check

async function check(context: CommandContext): Promise<number> {
  const { flags, positionals, stdout, stderr } = context;
  const file = positionals[0] ?? (typeof flags["config"] === "string" ? flags["config"] : undefined);
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig({ ...loadOptions(context), file });
  } catch (error) {
    if (!(error instanceof ConfigError) || flags["json"] !== true) throw error;
    writeJson(stdout, { ok: false, problems: error.problems.map(problemToJson) });
    return error.exitCode;
  }
  if (flags["json"] === true) {
    writeJson(stdout, {
      ok: true,
      path: loaded.path ?? null,
      hash: loaded.hash,
      problems: loaded.warnings.map(problemToJson),
    });
    return 0;
  }
  if (loaded.warnings.length > 0) {
    stderr.write(`${renderProblems(loaded.warnings, loaded.source, paintFor(stderr, context))}\n`);
  }
  const paint = paintFor(stdout, context);
  const count = loaded.warnings.length;
  const tail = count === 0 ? "" : paint.yellow(`, ${count} ${count === 1 ? "warning" : "warnings"}`);
  stdout.write(`${loaded.path ?? "no file, the defaults"}: ${paint.green("ok")}${tail}\n`);
  return 0;
}

// --- print

async function print(context: CommandContext): Promise<number> {
  const { flags, stdout } = context;
  if (flags["json"] === true && flags["commented"] === true) {
    throw new UsageError(["--json and --commented exclude each other"], ["config", "print"]);
  }
  const loaded = flags["defaults"] === true ? undefined : await loadConfig(loadOptions(context));
  const config = loaded?.config ?? defaultConfig;
  if (flags["commented"] === true) {
    // Editors find the schema of this installation wherever the file is put.
    stdout.write(renderCommented(configSchema, config, { schemaPath: schemaPathFrom(context.cwd) }));
    return 0;
  }
  const rows = configValues(loaded);
  if (flags["json"] === true) {
    writeJson(stdout, {
      path: loaded?.path ?? null,
      hash: loaded?.hash ?? null,
      values: Object.fromEntries(rows.map(({ key, value, from }) => [key, { value, from }])),
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  const origin = loaded?.path ?? (flags["defaults"] === true ? "defaults" : "no file, the defaults");
  const lines = [paint.dim(`# ${origin}${loaded === undefined ? "" : `, hash ${loaded.hash.slice(0, 12)}`}`)];
  const width = Math.max(...rows.map(({ key, value }) => key.length + yamlScalar(value).length)) - 4;
  let open: readonly string[] = [];
  for (const { key, value, from, isHidden } of rows) {
    const path = key.split(".");
    const parents = path.slice(0, -1);
    parents.forEach((name, depth) => {
      if (open[depth] !== name || depth >= open.length) lines.push(`${"  ".repeat(depth)}${paint.bold(name)}:`);
    });
    open = parents;
    // A hidden secret becomes a comment, so that the output stays a file that loads.
    const line = `${"  ".repeat(parents.length)}${isHidden ? "# " : ""}${path[path.length - 1]}: ${yamlScalar(value)}`;
    lines.push(from === "default" ? line : `${line.padEnd(Math.min(width, 44))}  ${paint.cyan(`# ${from}`)}`);
  }
  stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function schemaPathFrom(cwd: string): string {
  const path = fileURLToPath(new URL("gigastt.schema.json", installationRoot()));
  return dirname(path) === cwd ? "./gigastt.schema.json" : path;
}

// --- schema

async function schema({ stdout }: CommandContext): Promise<number> {
  writeJson(stdout, toJsonSchema());
  return 0;
}

// --- explain

async function explainKey(context: CommandContext): Promise<number> {
  const { flags, positionals, stdout } = context;
  const key = positionals[0];
  const paint = paintFor(stdout, context);
  if (key === undefined) {
    const facts = allFacts(configSchema);
    if (flags["json"] === true) writeJson(stdout, facts);
    else stdout.write(`${table(facts.map((fact) => [paint.bold(fact.key), fact.default ?? "", fact.title]))}\n`);
    return 0;
  }
  const found = explain(configSchema, key);
  if (found === undefined) {
    const keys = [...settableKeys(configSchema).keys()];
    const sameName = keys.filter((candidate) => candidate.toLowerCase().endsWith(`.${key.toLowerCase()}`));
    const meant =
      sameName.length > 0 ? sameName.join(" or ") : closest(key, [...keys, ...Object.keys(configSchema.properties)]);
    const hint = meant === undefined ? "; `gigastt config explain` lists all" : `, did you mean ${meant}?`;
    throw new UsageError([`unknown key "${printable(key)}"${hint}`], ["config", "explain"]);
  }
  if (flags["json"] === true) {
    writeJson(stdout, found.section === undefined ? found.facts[0] : found.facts);
    return 0;
  }
  if (found.section !== undefined) {
    const head = [paint.bold(`${key}: ${found.section.title}`), ...wrap(found.section.description, 100), ""];
    const rows = found.facts.map((fact) => [paint.bold(fact.key), fact.default ?? "", fact.title]);
    stdout.write(`${head.join("\n")}\n${table(rows, "  ")}\n`);
    return 0;
  }
  const loaded = await loadConfig(loadOptions(context)).catch(() => undefined);
  stdout.write(`${renderFact(found.facts[0]!, loaded, paint)}\n`);
  return 0;
}

function renderFact(fact: KeyFacts, loaded: LoadedConfig | undefined, paint: Paint): string {
  const node = settableKeys(configSchema).get(fact.key);
  const rows: [string, string][] = [["type", fact.type]];
  if (fact.default !== undefined) rows.push(["default", fact.default]);
  if (loaded !== undefined && node !== undefined && !isSection(node)) {
    const place = loaded.origins.get(fact.key);
    const value = unresolve(node, resolvedValue(configSchema, loaded.config, fact.key.split(".")));
    if (place !== undefined) rows.push(["now", `${yamlScalar(redacted(node, value))}, from ${formatPlace(place)}`]);
  }
  rows.push(["variable", `${fact.variable}${fact.variableUnit === undefined ? "" : ` (in ${fact.variableUnit})`}`]);
  rows.push(["on change", RELOAD_TEXT[fact.reload] ?? fact.reload]);
  if (fact.examples.length > 0) rows.push(["examples", fact.examples.join("   ")]);
  const head = [paint.bold(`${fact.key}: ${fact.title}`), ...wrap(fact.description, 100)];
  return `${head.join("\n")}\n\n${table(
    rows.map(([name, value]) => [paint.dim(name), value]),
    "  ",
  )}`;
}
