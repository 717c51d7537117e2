import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { renderCommented } from "../../../src/config/file/commented.ts";
import { assemble, type LoadedConfig } from "../../../src/config/load.ts";
import { isLeaf, isList, settableKeys, type Leaf, type SchemaNode } from "../../../src/config/schema/node.ts";
import { ConfigError, PROBLEM_CODES } from "../../../src/config/problems/problem.ts";
import { isPlainlyValid } from "../../../src/config/quick.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { validate } from "../../../src/config/problems/validate.ts";
import { setAt } from "../../../src/config/variables.ts";
import { formatBytes, formatDuration, parseBytes, parseDurationMs } from "../../../src/shared/units.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const RUNS = fuzzRuns(2000);

const fromText = (text: string | Uint8Array, env: Record<string, string> = {}): Promise<LoadedConfig> =>
  assemble(
    {
      path: "/c/gigastt.config.yaml",
      shown: "gigastt.config.yaml",
      bytes: typeof text === "string" ? Buffer.from(text) : text,
    },
    { env, machine: { cores: 4 } },
  );

const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  host: ["127.0.0.1", "::1", "localhost", "0.0.0.0", "stt.internal"],
  cidr: ["10.0.0.0/8", "::1/128", "192.168.1.7/32", "fd00::/8", "10.1.2.3/8"],
  origin: ["https://stt.example.com", "http://10.0.0.1:8080", "null", "chrome-extension://abc"],
  "http-url": ["https://mirror.example.com/x", "http://10.0.0.1:9000"],
  "redis-url": ["redis://:secret@127.0.0.1:6379/0", "/run/redis/redis.sock"],
  "postgres-url": ["postgres://gigastt@127.0.0.1:5432/gigastt", "postgresql://a@[::1]/b"],
  "webhook-secret": [`whsec_${Buffer.alloc(24, 1).toString("base64")}`],
  webhook: ["https://hooks.example.com/T0/abc?token=x"],
  path: ["/var/lib/gigastt", "models", "/a b/ю", "C:\\models", "# not a comment", "1.20", "true"],
  domain: ["stt.example.com"],
  email: ["admin@example.com"],
  version: ["auto", "2.11.4", "1.22.1"],
  image: ["caddy:2.11.4", `x/y@sha256:${"a".repeat(64)}`],
  "dns-label": ["gigastt", "a-1"],
  user: ["gigastt", "_g"],
  "absolute-path": ["/etc/gigastt/tls/server.pem"],
  "route-path": ["/health", "/v1/ws"],
  id: ["auto", "gigaam-v3", "1.2", "true"],
};

function valid(node: SchemaNode): fc.Arbitrary<unknown> {
  if (isList(node)) {
    return fc.uniqueArray(valid(node.items), {
      minLength: node.minItems ?? 0,
      maxLength: Math.min(4, node.maxItems ?? 4),
      selector: (item) => JSON.stringify(item),
    });
  }
  if (!isLeaf(node)) return fc.constant({});
  const arbitraries = [validScalar(node)];
  if (typeof node.type !== "string") arbitraries.push(fc.constant(null));
  if (node["x-auto"] === true) arbitraries.push(fc.constant("auto"));
  return fc.oneof(...arbitraries);
}

function validScalar(leaf: Leaf): fc.Arbitrary<unknown> {
  const unit = leaf["x-unit"];
  if (unit !== undefined) {
    const [parse, format] = unit === "duration" ? [parseDurationMs, formatDuration] : [parseBytes, formatBytes];
    return fc
      .integer({ min: parse(leaf["x-min"] ?? "0") ?? 0, max: parse(leaf["x-max"] ?? "1h") ?? 3_600_000 })
      .map(format);
  }
  if (leaf.enum !== undefined) return fc.constantFrom(...leaf.enum);
  const type = typeof leaf.type === "string" ? leaf.type : leaf.type[0];
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer({ min: leaf.minimum ?? 0, max: leaf.maximum ?? 1000 });
  if (type === "number") return fc.constantFrom(leaf.minimum ?? 0, leaf.maximum ?? 1);
  return leaf.format === undefined
    ? fc.constantFrom("text", "other text")
    : fc.constantFrom(...(SAMPLES[leaf.format] ?? [String(leaf.default)]));
}

/** Random settings, each valid by itself. */
const settings = fc
  .record(Object.fromEntries([...settableKeys(configSchema)].map(([key, node]) => [key, valid(node)])), {
    requiredKeys: [],
  })
  .map((values) => new Map<string, unknown>(Object.entries(values)));

function rawOf(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  for (const [key, value] of values) setAt(raw, key, value);
  return raw;
}

/** Loads; drops the keys of each conflict between keys until none is left. Anything but a conflict is a failure. */
async function loadValid(values: Map<string, unknown>): Promise<LoadedConfig> {
  for (;;) {
    try {
      return await fromText(stringify(rawOf(values)));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) {
        if (problem.code !== "GST_CONFIG_CONFLICT") throw error;
        const section = problem.key.slice(0, problem.key.indexOf("."));
        for (const key of values.keys()) if (key.startsWith(`${section}.`)) values.delete(key);
      }
    }
  }
}

/** Values next to valid ones: one key of a valid configuration replaced by something arbitrary. */
const nearlyValid = fc
  .tuple(
    settings,
    fc.constantFrom(...settableKeys(configSchema).keys()),
    fc.oneof(
      fc.constantFrom<unknown>(
        null,
        0,
        -1,
        0.5,
        1e308,
        Infinity,
        "",
        "auto",
        "0",
        "1s",
        "90061001ms",
        "3KiB",
        [],
        {},
        [null],
        [[]],
        true,
      ),
      fc.string({ maxLength: 80 }),
      fc.integer(),
      fc.double(),
      fc.array(fc.constantFrom<unknown>("10.0.0.0/8", "https://a.example", "x", {}, 1, null), { maxLength: 3 }),
    ),
  )
  .map(([values, key, value]) => rawOf(new Map([...values, [key, value]])));

describe("random configurations", () => {
  it("what the quick check accepts the validator accepts, and nearly all valid ones need no validator", () => {
    let [valid, quick] = [0, 0];
    fc.assert(
      fc.property(fc.oneof(settings.map(rawOf), nearlyValid), (raw) => {
        const accepted = isPlainlyValid(configSchema, raw);
        const isValid = validate(raw).length === 0;
        if (accepted) expect(isValid).toBe(true);
        valid += isValid ? 1 : 0;
        quick += accepted ? 1 : 0;
      }),
      RUNS,
    );
    expect(valid).toBeGreaterThan(RUNS.numRuns / 4);
    expect(valid).toBeLessThan(RUNS.numRuns);
    expect(quick / valid).toBeGreaterThan(0.95);
  });

  it("valid ones load, and what is printed of them loads to the same configuration", async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (values) => {
        const first = await loadValid(values);
        const again = await fromText(renderCommented(configSchema, first.config, { reveal: true }));
        expect(again.config).toEqual(first.config);
        expect(again.hash).toBe(first.hash);
      }),
      { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 4) },
    );
  }, 120_000);

  it("garbage never crashes and gives coded problems on single lines inside the file", async () => {
    const keys = [...settableKeys(configSchema).keys()].flatMap((key) => [key, ...key.split(".")]);
    const word = fc.oneof(
      fc.constantFrom(...keys),
      fc.string({ maxLength: 12 }),
      fc.constantFrom("__proto__", "<<", "null", "~"),
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, 0, -1, 1e308, 0.1, "", "10s", "auto"),
        fc.string(),
        tie("list"),
        tie("map"),
      ),
      list: fc.array(tie("value"), { maxLength: 4 }),
      map: fc.dictionary(word, tie("value"), { maxKeys: 6 }),
    })).map as fc.Arbitrary<unknown>; // letrec types its ties as unknown
    const lines = fc
      .array(
        fc.tuple(
          fc.nat({ max: 4 }),
          word,
          fc.constantFrom(":", ": ", ":\n", " ", ": - ", ": [", ": {", ': "', ": *", ": &a ", ": !t ", ": |", "\t"),
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.map(([indent, key, glue]) => `${" ".repeat(indent)}${key}${glue}`).join("\n"));
    const garbage = fc.oneof(
      json.map((value) => stringify(value)),
      lines,
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
    );
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        garbage,
        fc.dictionary(fc.constantFrom("GIGASTT_PORT", "GIGASTT_X", "GIGASTT_TRUST_PROXY"), fc.string()),
        async (text, env) => {
          try {
            await fromText(text, env);
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            refused += 1;
            expect(error.problems.length).toBeGreaterThan(0);
            const height = typeof text === "string" ? text.split("\n").length : text.length + 1;
            for (const problem of error.problems) {
              expect(Object.hasOwn(PROBLEM_CODES, problem.code)).toBe(true);
              if (problem.place.kind === "file") {
                expect(problem.place.line).toBeGreaterThanOrEqual(1);
                expect(problem.place.line).toBeLessThanOrEqual(height);
                expect(problem.place.col).toBeGreaterThanOrEqual(1);
              }
            }
            // oxlint-disable-next-line no-control-regex -- nothing may steer the terminal
            expect(error.message).not.toMatch(/[\0-\x09\x0b-\x1f\x7f]/);
            expect(error.message.split("\n")).toHaveLength(Math.min(51, error.problems.length));
          }
        },
      ),
      RUNS,
    );
    expect(refused).toBeGreaterThan(RUNS.numRuns / 4);
  }, 120_000);
});
