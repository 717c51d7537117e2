import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { audit } from "../../../src/audit/audit.ts";
import { rules } from "../../../src/audit/rules/registry.ts";
import { formerFlags } from "../../../src/cli/former-flags.ts";
import { registry } from "../../../src/cli/registry.ts";
import { loadAll } from "../../../src/cli/run.ts";
import type { Command } from "../../../src/cli/command.ts";
import { FORMER_VARIABLES } from "../../../src/config/former-names.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { variableName } from "../../../src/config/variables.ts";
import { ALL_ROUTES, WIRE_ERROR_STATUS } from "../../../src/shared/protocol.ts";
import { runLine } from "../cli/_run.ts";

const at = (path: string): URL => new URL(`../../../${path}`, import.meta.url);
const page = (path: string): string => readFileSync(at(path), "utf8");
/** Rows of the tables below each heading, as cells. */
function tables(text: string): readonly (readonly (readonly string[])[])[] {
  return text
    .split(/\n## /)
    .slice(1)
    .map((part) =>
      part
        .split("\n")
        .filter((line) => line.startsWith("| "))
        .slice(1)
        .map((line) => line.slice(2, -2).split(/ (?<!\\)\| /)),
    );
}
const spans = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? "");
const [flags = [], commands = [], guide = [], hardening = []] = tables(page("docs/migration.md"));

describe("docs/migration.md", () => {
  const keys = settableKeys(configSchema);

  it.each(flags.map(([there, key]) => [there, key] as const))("%s sets %s", (there, key) => {
    const [wanted = ""] = spans(key);
    for (const name of spans(there)) {
      if (name.startsWith("--")) expect(formerFlags(configSchema).get(name.slice(2))?.key, name).toBe(wanted);
      else
        expect(
          FORMER_VARIABLES[name] ?? [...keys].find(([own, node]) => variableName(own, node) === name)?.[0],
          name,
        ).toBe(wanted);
    }
  });

  it("has every former flag and variable", () => {
    const named = new Set(flags.flatMap(([there]) => spans(there)));
    expect(
      [...formerFlags(configSchema).keys()]
        .map((name) => `--${name}`)
        .filter((name) => !named.has(name) && name !== "--allow-bind-any"),
    ).toEqual([]);
    expect(Object.keys(FORMER_VARIABLES).filter((name) => !named.has(name))).toEqual([]);
  });

  it.each(commands.map(([typed, runs]) => [typed, runs] as const))("%s runs %s", async (typed, runs) => {
    const [one, two] = await Promise.all(
      [typed, runs].map((cell) => runLine([...(spans(cell)[0] ?? "").split(" ").slice(1), "--help"])),
    );
    expect(one).toEqual(two);
  });

  it("covers thirteen sections of the hardening guide", () => {
    expect([...new Set(hardening.map(([there]) => Number.parseInt(there ?? "", 10)))]).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 1),
    );
  });

  it.each([...guide, ...hardening].map(([there, here]) => [there ?? "", here ?? ""] as const))(
    "%s: %s",
    async (_, here) => {
      const all = await loadAll(registry);
      const files = spans(here).filter((span) => span.startsWith("deploy/"));
      for (const file of files) expect(existsSync(at(file)), file).toBe(true);
      const texts = files.map(page);
      let proven = files.length;
      for (const span of spans(here).filter((text) => !files.includes(text))) {
        const known =
          keys.has(span) ||
          rules.some(({ id }) => id === span) ||
          isCommand(all, span) ||
          ALL_ROUTES.some(({ path }) => path === span) ||
          Object.hasOwn(WIRE_ERROR_STATUS, span);
        if (known) proven += 1;
        else if (texts.some((text) => text.includes(span))) proven += 1;
        else expect(OTHER, `${span} in: ${here}`).toContain(span);
      }
      expect(proven, here).toBeGreaterThan(0);
      if (/no such line|there is no database|there is no search/.test(here)) {
        for (const text of texts) expect(text).not.toMatch(/h2c|postgres|minio|opensearch|elastic/i);
      }
    },
  );

  it("names rules that find the defects of such guides", async () => {
    const { findings } = await audit({
      paths: ["appliance.md", "hardening.md"],
      cwd: fileURLToPath(at("test/fixtures/audit/guides/")),
      today: "2026-11-28",
    });
    const found = new Set(findings.map(({ rule }) => rule));
    const named = [...guide, ...hardening].flatMap(([, here]) => spans(here)).filter((span) => span.startsWith("GA-"));
    expect([...new Set(named)].filter((id) => !found.has(id)).sort()).toEqual(DONE_RIGHT);
  });

  it("says the same in both languages", () => {
    const facts = (path: string): string[][][] => tables(page(path)).map((rows) => rows.map(([, here]) => spans(here)));
    expect(facts("docs/ru/migration.md")).toEqual(facts("docs/migration.md"));
  });
});

/** Rules of rows in which those guides are right: the rule keeps it so. */
const DONE_RIGHT = ["GA-EXP-005", "GA-LIF-001", "GA-TLS-001"];

/** Words in code style that are neither ours nor in a file of the row: values of a key, programs, flags of a named command. */
const OTHER: readonly string[] = [
  "basic",
  "keys",
  "mtls",
  "forward",
  "docker compose up -d",
  "$",
  ".env",
  "--keep-old",
];

function isCommand(commands: Readonly<Record<string, Command>>, span: string): boolean {
  const [program, first = "", second] = span.split(" ");
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (program !== "gigastt" || command === undefined) return false;
  if (second === undefined) return true;
  return command.subcommands?.[second] !== undefined || command.choices?.includes(second) === true;
}
