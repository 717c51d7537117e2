import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { pages } from "../../../scripts/docs/pages.ts";
import { registry } from "../../../src/cli/registry.ts";
import { loadAll } from "../../../src/cli/run.ts";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { allFacts } from "../../../src/config/schema/explain.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { FORMER_VARIABLES } from "../../../src/config/former-names.ts";
import { OTHER_VARIABLES } from "../../../src/config/variables.ts";

const read = (name: string): string => {
  const url = new URL(`../../../${name}`, import.meta.url);
  return existsSync(url) ? readFileSync(url, "utf8") : "";
};
const root = fileURLToPath(new URL("../../../", import.meta.url));
const { registries } = (await import(join(root, "scripts/registry.js"))) as {
  registries: (root: string) => ReadonlyMap<string, string>;
};
const files = new Map([...registries(root), ...pages]);

describe("generated files", () => {
  for (const [name, text] of files) {
    it(`${name} is what the code generates (else run: node scripts/docs.js)`, () => {
      expect(read(name)).toBe(text);
    });
  }
});

describe("gigastt.config.yaml", () => {
  it("holds every key and equals the defaults, without a warning", async () => {
    const loaded = await loadConfig({
      file: "gigastt.config.yaml",
      env: {},
      cwd: new URL("../../../", import.meta.url).pathname,
      machine: { cores: 64 },
    });
    expect(loaded.config).toEqual(defaultConfig);
    expect([...loaded.origins.keys()]).toEqual([...settableKeys(configSchema).keys()]);
    expect(loaded.warnings).toEqual([]);
  });
});

describe("gigastt.schema.json", () => {
  it("is JSON Schema 2020-12 that an editor without our keywords understands", () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    const schema = JSON.parse(read("gigastt.schema.json"));
    expect(ajv.validateSchema(schema)).toBe(true);
    const validate = ajv.compile(schema);
    expect(validate(parse(read("gigastt.config.yaml")))).toBe(true);
    expect(validate({ pool: { size: "4", sise: 1 }, session: { idleTimeout: 300 } })).toBe(false);
    expect(validate.errors?.map(({ instancePath }) => instancePath).sort()).toEqual([
      "/pool",
      "/pool/size",
      "/session/idleTimeout",
    ]);
  });
  it("gives every key a title, a description and a reload class", () => {
    for (const [key, node] of settableKeys(configSchema)) {
      expect(node.title.length, key).toBeGreaterThan(2);
      expect(node.description.length, key).toBeGreaterThan(10);
      expect(["live", "handover", "restart"], key).toContain(node["x-reload"]);
    }
  });
  it("requires no key, so that an empty file is always valid", () => {
    const required = (node: unknown): unknown[] =>
      typeof node === "object" && node !== null && "properties" in node
        ? [
            ...("required" in node ? [node.required] : []),
            ...Object.values(node.properties as object).flatMap(required),
          ]
        : [];
    expect(required(configSchema)).toEqual([]);
  });
});

describe("docs/reference/cli.md", () => {
  it("names every command and flag that exists", async () => {
    const page = files.get("docs/reference/cli.md") ?? "";
    const visit = (path: string, command: Awaited<ReturnType<typeof loadAll>>[string]): void => {
      expect(page).toContain(`gigastt ${path}\n`);
      for (const [flag, { describe }] of Object.entries(command.flags ?? {})) {
        // Flags of the Rust server stand in docs/migration.md.
        if (describe !== "") expect(page, path).toContain(`--${flag}`);
      }
      for (const [name, child] of Object.entries(command.subcommands ?? {})) visit(`${path} ${name}`, child);
    };
    for (const [name, command] of Object.entries(await loadAll(registry))) visit(name, command);
  });
});

describe("variables", () => {
  it("every GIGASTT_* name in the code and the guides is a setting, or is listed as what it is", () => {
    const root = fileURLToPath(new URL("../../../", import.meta.url));
    const known = new Set([
      ...allFacts(configSchema).map(({ variable }) => variable),
      ...Object.keys(OTHER_VARIABLES),
      ...Object.keys(FORMER_VARIABLES),
    ]);
    const unknown = ["src", "docs/guide.md", "docs/ru", "README.md", "templates"].flatMap((place) => {
      const files = statSync(join(root, place)).isDirectory()
        ? readdirSync(join(root, place), { recursive: true, encoding: "utf8" }).map((name) => join(root, place, name))
        : [join(root, place)];
      return files
        .filter((path) => statSync(path).isFile())
        .flatMap((path) =>
          [...readFileSync(path, "utf8").matchAll(/\bGIGASTT_[A-Z][A-Z0-9_]*[A-Z0-9]\b/g)].map(([name]) => name),
        );
    });
    expect([...new Set(unknown)].filter((name) => !known.has(name))).toEqual([]);
  });
});
