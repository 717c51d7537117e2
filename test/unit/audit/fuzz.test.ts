import { describe, expect, it } from "vitest";
import { buildNginxRoots } from "../../../src/audit/model/nginx-roots.ts";
import { parseCaddyJson } from "../../../src/audit/parse/caddy-json.ts";
import { parseCaddyfile } from "../../../src/audit/parse/caddyfile.ts";
import { parseDockerfile } from "../../../src/audit/parse/dockerfile.ts";
import { dotenvValues, parseDotenv } from "../../../src/audit/parse/dotenv.ts";
import { parseHtpasswd } from "../../../src/audit/parse/htpasswd.ts";
import { parseNginx } from "../../../src/audit/parse/nginx.ts";
import { parseUnit } from "../../../src/audit/parse/systemd.ts";
import { parseYaml } from "../../../src/audit/parse/yaml.ts";
import type { Source } from "../../../src/audit/source.ts";
import { createSource } from "../../../src/audit/source.ts";
import { createTree } from "../../../src/audit/tree.ts";
import type { ParseProblem } from "../../../src/audit/parts.ts";
import { auditFiles } from "../../support/audit-files.ts";
import { baseFiles } from "../../support/audit-case.ts";
import { SEED, fuzzCases } from "../../support/fuzz.ts";

/** Mutated inputs per parser. */
const COUNT = fuzzCases(20_000);
/** Longest time for one input. Loaded machines are slow, a hang is much slower. */
const HANG_MS = 1000;
/** Processor time of this process: a parser that hangs burns it, a busy machine does not. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Target {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly parse: (source: Source) => readonly ParseProblem[];
  /** Text that means something to the format. */
  readonly words: readonly string[];
}

const nginx = baseFiles("nginx");
const TARGETS: readonly Target[] = [
  {
    name: "nginx",
    seeds: [
      (nginx["nginx.conf"] ?? "").slice(0, 700),
      "location / { content_by_lua_block { local a = [[ } ]] -- x\n } }",
      "# configuration file /etc/nginx/nginx.conf:\nhttp { include a*; }\n# configuration file /etc/nginx/a.conf:\nserver { }\n",
    ],
    words: [
      "{",
      "}",
      ";",
      '"',
      "'",
      "\\",
      "#",
      "${",
      "include nginx.conf;",
      "if ($a = b) {",
      "_by_lua_block {",
      "[[",
      "]]",
      "\n",
    ],
    parse: (source) => [
      ...parseNginx(source).problems,
      ...buildNginxRoots([source], createTree([source])).flatMap((root) => root.problems),
    ],
  },
  {
    name: "Caddyfile",
    seeds: [
      (baseFiles("caddy")["Caddyfile"] ?? "").slice(0, 600),
      "(a) {\n\theader {args[0]} {args[:]}\n\timport b\n}\n(b) {\n\trespond <<X\n\tx\n\tX\n}\n:80 {\n\timport a 1 2\n\t@m path /x\n\thandle @m { import b }\n}\n",
    ],
    words: [
      "{",
      "}",
      '"',
      "`",
      "\\\n",
      "#",
      "{$A:b}",
      "import a",
      "(a) {",
      "<<X",
      "\nX\n",
      "{args[0]}",
      "{block}",
      ",",
      "@m",
      "\n",
    ],
    parse: (source) => parseCaddyfile(source).problems,
  },
  {
    name: "Caddy JSON",
    seeds: [
      '{"apps":{"http":{"servers":{"s":{"routes":[{"match":[{"path":["/a"]}],"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"a:1"}]}]}]}}}}}',
    ],
    words: ["{", "}", "[", "]", '"', ",", ":", '"handler":"subroute","routes":[', "null", "\n"],
    parse: (source) => parseCaddyJson(source).problems,
  },
  {
    name: "systemd unit",
    seeds: [baseFiles("systemd")["gigastt.service"] ?? "", "[Service]\nA=1 \\\n# c\n b\nA=\n"],
    words: ["[", "]", "=", "\\\n", "#", ";", "\n", "[Service]", "A="],
    parse: (source) => parseUnit(source).problems,
  },
  {
    name: ".env",
    seeds: [`A=1\nB='x'\nC="a${"$"}{A:-${"$"}{B}}"\nexport D=$A # c\n`],
    words: ["'", '"', "=", "${", "}", "$$", ":-", "#", "\n", "\\"],
    parse: (source) => {
      const parsed = parseDotenv(source);
      dotenvValues(parsed);
      return parsed.problems;
    },
  },
  {
    name: "Dockerfile",
    seeds: [baseFiles("docker")["Dockerfile"] ?? "", "FROM a\nRUN <<EOF\nx\nEOF\nCMD a \\\n b\n"],
    words: ["\\\n", "<<EOF", "EOF", "FROM ", "CMD [", "]", "#", "--from=x", "\n", '"'],
    parse: (source) => parseDockerfile(source).problems,
  },
  {
    name: "htpasswd",
    seeds: ["a:$2y$10$x\n# c\nb:{SHA}x\n"],
    words: [":", "\n", "#", "$2y$", "{SHA}"],
    parse: (source) => parseHtpasswd(source).problems,
  },
  {
    name: "YAML",
    seeds: [
      (baseFiles("compose")["compose.yaml"] ?? "").slice(0, 300),
      "a: &x {b: [1, *x]}\n---\n<<: *x\nc: |\n  d\n? e\n: f\n",
    ],
    words: [
      "&a ",
      "*a",
      "<<: ",
      "- ",
      ": ",
      "|\n",
      ">",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "\n",
      "\t",
      "---\n",
      "!!x ",
      "? ",
      "#",
    ],
    parse: (source) => parseYaml(source).problems,
  },
];

/** Small texts that ask for much. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ["nginx", "{".repeat(20_000)],
  ["nginx", "a [[".repeat(20_000)],
  ["Caddyfile", "{\n".repeat(20_000)],
  [
    "Caddyfile",
    `${Array.from({ length: 40 }, (_, i) => `(s${i}) {\n\timport s${i + 1}\n\timport s${i + 1}\n}\n`).join("")}:80 {\n\timport s0\n}\n`,
  ],
  [".env", `A=${"${".repeat(20_000)}`],
  ["Dockerfile", "RUN <<A <<B\n".repeat(5000)],
  ["YAML", "- ".repeat(5000)],
  ["YAML", `${"a: ".repeat(3000)}`],
  ["YAML", `a: &a ${"[".repeat(150)}${"]".repeat(150)}\n`],
];

describe("parsers under mutated input", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    `%s: ${COUNT} mutations neither crash nor hang, and every problem has a place in the file`,
    (_, target) => {
      const random = mulberry32(SEED);
      let slowest = 0;
      for (let i = 0; i < COUNT; i += 1) {
        const text = mutate(target.seeds[i % target.seeds.length] ?? "", target.words, random);
        const source = createSource("f", text);
        const began = cpuMs();
        const problems = target.parse(source);
        slowest = Math.max(slowest, cpuMs() - began);
        for (const problem of problems) {
          if (
            problem.message === "" ||
            problem.span.start < 0 ||
            problem.span.start > problem.span.source.text.length
          ) {
            throw new Error(`seed ${SEED}, input ${i}: bad problem ${JSON.stringify(problem.message)}\n${text}`);
          }
        }
      }
      expect(slowest).toBeLessThan(HANG_MS);
    },
    60_000,
  );

  it("the whole audit survives mutated trees", () => {
    const random = mulberry32(SEED + 1);
    const bases = ["nginx", "caddy", "compose", "kubernetes", "systemd", "docker"].map((base) => baseFiles(base));
    const rounds = Math.ceil(COUNT / 50);
    for (let i = 0; i < rounds; i += 1) {
      const base = bases[i % bases.length] ?? {};
      const names = Object.keys(base);
      const name = names[Math.floor(random() * names.length)] ?? "";
      const words = TARGETS[i % TARGETS.length]?.words ?? [];
      const findings = auditFiles({ ...base, [name]: mutate(base[name] ?? "", words, random) });
      for (const finding of findings)
        if (finding.line < 1 || finding.column < 1) throw new Error(`${finding.rule} without a place`);
    }
    expect(rounds).toBeGreaterThan(0);
  }, 60_000);

  it.each(HOSTILE)("%s stays quick on a hostile input", (name, text) => {
    const target = TARGETS.find((item) => item.name === name);
    const began = cpuMs();
    target?.parse(createSource("f", text));
    expect(cpuMs() - began).toBeLessThan(HANG_MS * 3);
  });
});

/** One to four random cuts, copies, insertions and changes. */
function mutate(text: string, words: readonly string[], random: () => number): string {
  let out = text;
  const steps = 1 + Math.floor(random() * 4);
  for (let i = 0; i < steps; i += 1) {
    const at = Math.floor(random() * (out.length + 1));
    const length = Math.floor(random() * 40);
    const kind = Math.floor(random() * 6);
    if (kind === 0) out = out.slice(0, at) + out.slice(at + length);
    else if (kind === 1) out = out.slice(0, at) + (words[Math.floor(random() * words.length)] ?? "") + out.slice(at);
    else if (kind === 2) out = out.slice(0, at) + out.slice(at, at + length) + out.slice(at);
    else if (kind === 3) out = out.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + out.slice(at + 1);
    else if (kind === 4) out = out.slice(0, at);
    else
      out =
        out.slice(0, at) +
        (words[Math.floor(random() * words.length)] ?? "").repeat(1 + Math.floor(random() * 30)) +
        out.slice(at);
  }
  return out;
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
