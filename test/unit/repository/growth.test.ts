import { describe, expect, it } from "vitest";
import { parseCaddyfile } from "../../../src/audit/parse/caddyfile.ts";
import { parseCaddyJson } from "../../../src/audit/parse/caddy-json.ts";
import { parseDockerfile } from "../../../src/audit/parse/dockerfile.ts";
import { dotenvValues, interpolate, parseDotenv } from "../../../src/audit/parse/dotenv.ts";
import { parseHtpasswd } from "../../../src/audit/parse/htpasswd.ts";
import { parseNginx, splitNginxDump } from "../../../src/audit/parse/nginx.ts";
import { parseUnit } from "../../../src/audit/parse/systemd.ts";
import { parseYaml } from "../../../src/audit/parse/yaml.ts";
import { unifiedDiff } from "../../../src/audit/diff.ts";
import { applyEdits } from "../../../src/audit/fix.ts";
import { maskMarkdown } from "../../../src/audit/markdown.ts";
import { createSource } from "../../../src/audit/source.ts";
import { readIgnoreComments } from "../../../src/audit/suppress.ts";
import { classify } from "../../../src/audit/classify.ts";
import { createTree } from "../../../src/audit/tree.ts";
import { parseConfigText } from "../../../src/config/file/parse.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { validate } from "../../../src/config/problems/validate.ts";
import { readVariables } from "../../../src/config/variables.ts";
import { printable } from "../../../src/shared/text/printable.ts";
import { closest } from "../../../src/shared/text/suggest.ts";
import { table, wrap } from "../../../src/cli/output.ts";
import { renderProblems } from "../../../src/cli/problems.ts";
import { paintFor } from "../../../src/cli/output.ts";
import { growth } from "../../support/growth.ts";

const repeat = (line: (index: number) => string) => (items: number) =>
  Array.from({ length: items }, (_, index) => line(index)).join("\n");
const bytes = (make: (items: number) => string) => (items: number) => new TextEncoder().encode(make(items));
const paint = paintFor({}, { env: {}, flags: {} });

type Case = readonly [name: string, measure: () => ReturnType<typeof growth>];
const read = <T>(name: string, make: (items: number) => T, run: (input: T) => unknown): Case => [
  name,
  () => growth(make, run),
];

const lines = {
  plain: repeat((i) => `key${i} value${i};`),
  open: repeat(() => "a {"),
  close: repeat(() => "}"),
  quotes: repeat((i) => `"a${i} 'b`),
  comments: repeat((i) => `# comment ${i} gigastt-audit ignore[GA-XFF-001] reason`),
  backslashes: repeat(() => "a \\"),
  blank: repeat(() => "   "),
};
/** One line with everything on it. */
const wide = (word: (index: number) => string) => (items: number) =>
  Array.from({ length: items }, (_, i) => word(i)).join(" ");

const readers: Record<string, (text: string) => unknown> = {
  nginx: (text) => parseNginx(createSource("nginx.conf", text)),
  "nginx dump": (text) => splitNginxDump(text),
  caddyfile: (text) => parseCaddyfile(createSource("Caddyfile", text)),
  dotenv: (text) => dotenvValues(parseDotenv(createSource(".env", text))),
  dockerfile: (text) => parseDockerfile(createSource("Dockerfile", text)),
  htpasswd: (text) => parseHtpasswd(createSource("users", text)),
  unit: (text) => parseUnit(createSource("a.service", text)),
  yaml: (text) => parseYaml(createSource("a.yaml", text)),
  config: (text) => parseConfigText(new TextEncoder().encode(text), "gigastt.config.yaml"),
  comments: (text) => readIgnoreComments(createSource("a.conf", text)),
  markdown: (text) => maskMarkdown(createSource("a.md", text)),
  classify: (text) => classify(createSource("a.conf", text), true),
  printable: (text) => printable(text, 100),
  wrap: (text) => wrap(text, 80),
};
const shapes: Record<string, (items: number) => string> = {
  ...lines,
  "wide words": wide((i) => `word${i}`),
  "wide quotes": wide(() => `"`),
  "wide brackets": wide(() => "["),
  "wide blocks": wide((i) => `a${i} { b c; }`),
  "wide dollars": wide((i) => `\${A${i}:-\${`),
  "open variables": (items) => "{$A:".repeat(items),
  "one long word": (items) => "x".repeat(items * 10),
  "one long space": (items) => " ".repeat(items * 10),
  "one long backslash": (items) => "\\".repeat(items * 10),
  assignments: repeat((i) => `KEY${i}=value $KEY${i - 1} \${KEY${i}:-x}`),
  "open assignment": (items) => `KEY="${"x\n".repeat(items)}`,
  "yaml map": repeat((i) => `key${i}: value`),
  "yaml same key": repeat(() => "key: value"),
  "yaml list": repeat((i) => `- item${i}`),
  "yaml flow": (items) => `[${"a, ".repeat(items)}]`,
  "yaml open flow": (items) => "- [a\n".repeat(items),
  "yaml documents": repeat((i) => `---\nkind: Service\nname: n${i}`),
  "yaml anchors": repeat((i) => `k${i}: &a${i} v\nl${i}: *a${i}`),
  "yaml block text": (items) => `a: |\n${"  text\n".repeat(items)}`,
  "yaml errors": repeat(() => "a: b: c"),
  sections: repeat((i) => `[Service]\nKey${i}=value\nExecStart=/bin/a \\`),
  "caddy sites": repeat((i) => `site${i}.example {\n\treverse_proxy 127.0.0.1:${i}\n}`),
  "caddy snippets": repeat((i) => `(s${i}) {\n\theader a b\n}\nx${i}.example {\n\timport s${i}\n}`),
  "caddy heredoc": (items) => `respond <<EOF\n${"text\n".repeat(items)}EOF`,
  "nginx servers": repeat((i) => `server { listen ${i}; location /a${i} { proxy_pass http://127.0.0.1; } }`),
  "nginx dump parts": repeat((i) => `# configuration file /etc/nginx/${i}.conf:\nuser a;`),
  stages: repeat((i) => `FROM a AS s${i}\nRUN echo \\\n  x\nCOPY --from=s${i} a b`),
  "docker heredoc": (items) => `RUN <<EOF\n${"echo\n".repeat(items)}EOF`,
  users: repeat((i) => `user${i}:$2y$10$abcdefghijklmnopqrstuv`),
  fences: repeat(() => "```nginx\nuser a;\n```"),
  "open fences": repeat(() => "```"),
  "open locations": repeat(() => "location a"),
  "open braces": (items) => "{".repeat(items),
};

/** Shapes that every reader gets. */
const COMMON = ["plain", "open", "quotes", "comments", "backslashes", "wide words", "one long word", "one long space"];
/** Shapes of a reader's own syntax. */
const OWN: Record<string, readonly string[]> = {
  nginx: ["close", "wide blocks", "nginx servers"],
  "nginx dump": ["nginx dump parts"],
  caddyfile: ["close", "wide brackets", "open variables", "caddy sites", "caddy snippets", "caddy heredoc"],
  dotenv: ["assignments", "open assignment", "wide dollars", "one long backslash"],
  dockerfile: ["stages", "docker heredoc", "wide dollars"],
  htpasswd: ["users"],
  unit: ["sections", "caddy sites", "one long backslash"],
  yaml: [
    "yaml map",
    "yaml same key",
    "yaml list",
    "yaml flow",
    "yaml documents",
    "yaml anchors",
    "yaml block text",
    "yaml errors",
  ],
  config: [
    "yaml map",
    "yaml same key",
    "yaml list",
    "yaml flow",
    "yaml open flow",
    "yaml anchors",
    "yaml block text",
    "yaml errors",
  ],
  markdown: ["fences", "open fences"],
  classify: ["blank", "wide brackets", "open locations", "open braces"],
};

const others: readonly Case[] = [
  read(
    "parse Caddy JSON",
    (n) =>
      createSource(
        "caddy.json",
        JSON.stringify({
          apps: {
            http: {
              servers: Object.fromEntries(
                Array.from({ length: n }, (_, i) => [
                  `s${i}`,
                  { listen: [":443"], routes: [{ handle: [{ handler: "reverse_proxy" }] }] },
                ]),
              ),
            },
          },
        }),
      ),
    parseCaddyJson,
  ),
  read(
    "interpolate",
    wide((i) => `\${A${i}:-x}$B`),
    (text) => interpolate(text, () => "v"),
  ),
  read(
    "interpolate nested",
    (n) => "${A:-".repeat(n),
    (text) => interpolate(text, () => undefined),
  ),
  read("unifiedDiff, one line changed", lines.plain, (text) => unifiedDiff("a", text, text.replace("key7 ", "KEY7 "))),
  read("unifiedDiff, every tenth line changed", lines.plain, (text) =>
    unifiedDiff("a", text, text.replace(/value\d*0;/g, "x;")),
  ),
  read(
    "applyEdits",
    (n) => ({
      text: lines.plain(n),
      edits: Array.from({ length: n }, (_, i) => ({
        span: { source: createSource("a", ""), start: i * 3, end: i * 3 + 1 },
        text: "x",
      })),
    }),
    ({ text, edits }) => applyEdits(text, edits as unknown as Parameters<typeof applyEdits>[1]),
  ),
  read(
    "validate unknown keys",
    (n) => ({ server: Object.fromEntries(Array.from({ length: n }, (_, i) => [`kee${i}`, 1])) }),
    validate,
  ),
  read(
    "validate wrong items",
    (n) => ({ server: { allowedOrigins: Array.from({ length: n }, (_, i) => `o${i}`) } }),
    validate,
  ),
  read(
    "validate repeated items",
    (n) => ({ server: { allowedOrigins: Array.from({ length: n }, () => "http://a") } }),
    validate,
  ),
  read(
    "variables",
    (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`GIGASTT_KEE_${i}`, "1"])),
    (env) => readVariables(configSchema, env),
  ),
  read("locate", bytes(repeat((i) => `k${i}: 1`)), (text) => {
    const parsed = parseConfigText(text, "a.yaml");
    for (const name of Object.keys(parsed.raw as object)) parsed.locate([name], "key");
  }),
  read(
    "problems",
    (n) =>
      Array.from({ length: n }, (_, i) => ({
        severity: "error" as const,
        code: "GST_CONFIG_VALUE" as const,
        place: { kind: "file" as const, file: "a", line: i + 1, col: 1, length: 1 },
        key: "a",
        rule: "b",
        found: "c",
        cure: "d",
      })),
    (problems) => renderProblems(problems, lines.plain(problems.length), paint),
  ),
  read(
    "closest",
    (n) => Array.from({ length: n }, (_, i) => `candidate-${i}`),
    (names) => closest("candidte-77", names),
  ),
  read(
    "table",
    (n) => Array.from({ length: n }, (_, i) => [`a${i}`, "b"]),
    (rows) => table(rows),
  ),
  read(
    "tree",
    (n) => Array.from({ length: n }, (_, i) => createSource(`d${i % 50}/f${i}.conf`, "a")),
    (sources) => createTree(sources),
  ),
];

/** Ten would be quadratic; pauses of the garbage collector and of a busy machine stay below. */
const LIMIT = 5;

describe("the cost of one item stays flat while the input grows tenfold", () => {
  for (const [reader, run] of Object.entries(readers)) {
    it(
      reader,
      () => {
        const slow: string[] = [];
        for (const shape of [...COMMON, ...(OWN[reader] ?? [])]) {
          const { factor, items, ms } = growth(shapes[shape]!, run); // a name of the table: an unknown one fails here
          if (factor > LIMIT) slow.push(`${shape}: ${factor.toFixed(1)} at ${items} items (${ms.toFixed(0)} ms)`);
        }
        expect(slow).toEqual([]);
      },
      120_000,
    );
  }
  it.each(others)(
    "%s",
    (_, measure) => {
      const { factor, items, ms } = measure();
      expect(factor, `${items} items in ${ms.toFixed(0)} ms`).toBeLessThan(LIMIT);
    },
    120_000,
  );
});
