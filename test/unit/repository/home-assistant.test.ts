import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { derive } from "../../../src/config/derived.ts";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { LISTENERS, listenerSpec } from "../../../src/shared/listeners.ts";
import { loadRegistry } from "../../../src/models/registry.ts";
import { load } from "../config/_load.ts";

/** The add-on, as Home Assistant's linter reads it and as its options become our configuration. */

const root = fileURLToPath(new URL("../../../", import.meta.url));
const ADDON = `${root}deploy/home-assistant/gigastt`;
const read = (path: string): string => readFileSync(path, "utf8");

interface Addon {
  readonly [key: string]: unknown;
  readonly version: string;
  readonly slug: string;
  readonly image: string;
  readonly ports: Readonly<Record<string, null>>;
  readonly options: Options;
  readonly schema: Readonly<Record<string, unknown>>;
}
interface Options {
  readonly [key: string]: unknown;
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}
interface Program {
  configOf(options: Options, data: string, parse: (text: string) => unknown): object;
}
const addon = parse(read(`${ADDON}/config.yaml`)) as Addon; // checked against the linter's schema below
const { version } = JSON.parse(read(`${root}package.json`)) as { version: string }; // npm's own format
const program = (await import(`${ADDON}/run.mjs`)) as Program; // plain JavaScript: it runs without a build

/** Options of a list in the add-on's schema. */
const listOf = (key: string): readonly string[] =>
  /^list\((.*)\)$/.exec(String(addon.schema[key]))?.[1]?.split("|") ?? [];

async function problemsOf(options: Options): Promise<readonly string[]> {
  const { warnings } = await load(JSON.stringify(program.configOf(options, "/data", parse)));
  return warnings.map(({ rule }) => rule);
}

describe("the add-on for Home Assistant", () => {
  it("follows the schema of the add-on linter and states no default", () => {
    // JavaScript spells named groups without the P.
    const schema = JSON.parse(
      read(`${root}test/fixtures/home-assistant/addon-config.schema.json`).replaceAll("(?P<", "(?<"),
    ) as { properties: Record<string, { default?: unknown }> }; // a copy of a published schema
    const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    expect(validate(addon), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...addon, "on a whim": 1 })).toBe(false);
    const stated = Object.entries(addon).filter(([key, value]) => schema.properties[key]?.default === value);
    expect(stated).toEqual([]);
    // Rules that the linter has beside its schema.
    for (const key of ["webui", "watchdog", "full_access", "advanced", "auto_uart", "codenotary"])
      expect(addon).not.toHaveProperty(key);
    expect(readdirSync(ADDON)).not.toContain("build.yaml");
  });

  it("has the version, ports, models and times of the sources", async () => {
    expect(addon.version).toBe(version);
    const dockerfile = read(`${ADDON}/Dockerfile`);
    expect(dockerfile).toContain(`ARG IMAGE=ghcr.io/OWNER/gigastt:${version}\n`);
    expect(dockerfile).toContain(`ARG BUILD_VERSION=${version}\n`);
    expect(Object.keys(addon.ports).sort()).toEqual(LISTENERS.map(({ defaultPort }) => `${defaultPort}/tcp`).sort());
    expect(addon["ingress_port"]).toBe(listenerSpec("http").defaultPort);
    expect(read(`${ADDON}/run.mjs`)).toContain(`WYOMING_PORT = ${listenerSpec("wyoming").defaultPort};`);
    const { models } = await loadRegistry();
    expect(new Set(listOf("model"))).toEqual(new Set(["auto", ...models.map(({ id }) => id)]));
    expect(addon["timeout"]).toBeGreaterThanOrEqual(derive(defaultConfig).compose.appStopS);
    expect(addon.options["end_of_command"]).toBe(defaultConfig.wyoming.endpoint);
    expect(addon.options["log_level"]).toBe(defaultConfig.log.level);
  });

  it.each(["en", "ru"])("explains every option and every port (%s)", (language) => {
    const { configuration, network } = parse(read(`${ADDON}/translations/${language}.yaml`)) as Record<
      "configuration" | "network",
      Record<string, { name: string; description: string }>
    >; // our own file
    expect(Object.keys(configuration).sort()).toEqual(Object.keys(addon.schema).sort());
    for (const text of Object.values(configuration))
      expect(Object.keys(text)).toEqual(expect.arrayContaining(["name", "description"]));
    expect(Object.keys(network).sort()).toEqual(Object.keys(addon.ports).sort());
  });

  it("has an icon and a logo of the right size", () => {
    const sizeOf = (name: string): readonly number[] => {
      const png = readFileSync(`${ADDON}/${name}`);
      expect(png.toString("latin1", 1, 4)).toBe("PNG");
      return [png.readUInt32BE(16), png.readUInt32BE(20)];
    };
    expect(sizeOf("icon.png")).toEqual([128, 128]);
    expect(sizeOf("logo.png")).toEqual([250, 100]);
  });

  it("has one AppArmor profile, named as the add-on", () => {
    const profiles = [...read(`${ADDON}/apparmor.txt`).matchAll(/^profile ([^ ]+)/gm)].map(([, name]) => name);
    expect(profiles).toEqual([addon.slug]);
  });

  it("turns its default options into a configuration without a warning", async () => {
    expect(await problemsOf(addon.options)).toEqual([]);
  });

  it("turns all options that Home Assistant accepts into a valid configuration", async () => {
    const oneOf = (key: string): fc.Arbitrary<string> => fc.constantFrom(...listOf(key));
    const options = fc.record({
      model: oneOf("model"),
      end_of_command: oneOf("end_of_command"),
      words: fc.uniqueArray(fc.constantFrom("Кузьмин", "рекуператор:5", "Zigbee"), { maxLength: 3 }),
      telephony: fc.boolean(),
      log_level: oneOf("log_level"),
      settings: fc.subarray([
        { name: "server.allowedHosts", value: "[home.example.org, homeassistant.local]" },
        { name: "limits.body", value: "80MiB" },
        { name: "pool.size", value: "3" },
        { name: "console.enabled", value: "false" },
      ]),
    });
    await fc.assert(
      fc.asyncProperty(options, async (given) => {
        await problemsOf(given);
      }),
      { numRuns: 40 },
    );
  });

  it("says which setting is unknown, and changes no prototype", async () => {
    const settings = [{ name: "server.hostt", value: "x" }];
    await expect(problemsOf({ ...addon.options, settings })).rejects.toThrow(/server\.hostt/);
    const hostile = [{ name: "__proto__.polluted", value: "1" }];
    program.configOf({ ...addon.options, settings: hostile }, "/data", parse);
    expect({}).not.toHaveProperty("polluted");
  });

  it("is published with its owner filled in everywhere", () => {
    const out = mkdtempSync(join(tmpdir(), "gigastt-addon-"));
    try {
      mkdirSync(out, { recursive: true });
      const script = `${root}scripts/home-assistant.js`;
      expect(spawnSync(process.execPath, [script, "Anna/Gigastt", out]).status).toBe(0);
      const files = readdirSync(out, { recursive: true, encoding: "utf8", withFileTypes: true }).filter((one) =>
        one.isFile(),
      );
      for (const { parentPath, name } of files) expect(read(join(parentPath, name)), name).not.toContain("OWNER");
      const published = parse(read(join(out, "gigastt/config.yaml"))) as Addon; // the same file
      expect(published.image).toBe("ghcr.io/anna/gigastt-home-assistant");
      expect(published["url"]).toBe("https://github.com/Anna/Gigastt");
      expect(files.map(({ name }) => name)).toContain("CHANGELOG.md");
      expect(spawnSync(process.execPath, [script, "x; rm", out]).status).toBe(2);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});
