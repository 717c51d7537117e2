import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CaddyDirective } from "../../../src/audit/parse/caddyfile-tree.ts";
import { parseCaddyfile } from "../../../src/audit/parse/caddyfile.ts";
import { caddyPoints, visit } from "../../../src/audit/model/caddy.ts";
import { parseCaddyJson } from "../../../src/audit/parse/caddy-json.ts";
import type { NginxDirective } from "../../../src/audit/parse/nginx.ts";
import { parseNginx } from "../../../src/audit/parse/nginx.ts";
import { createSource } from "../../../src/audit/source.ts";
import { baseFiles, brokenFiles } from "../../support/audit-case.ts";
import { RULE_CASES } from "../../support/audit-cases.ts";

const hasCrossplane = spawnSync("python3", ["-c", "import crossplane"]).status === 0;
const hasCaddy = spawnSync("caddy", ["version"]).status === 0;

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "gigastt-differential-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Cross {
  readonly directive: string;
  readonly line: number;
  readonly args: readonly string[];
  readonly block?: readonly Cross[];
}

const TRICKY = [
  `http { log_format json escape=json '{"a":"$b", "c": "d;e"}'; map $a $b { default 0; "~^x{2}" 1; '' "q\\"r"; } }`,
  'server { listen 80; if ($a = "b") { return 301 https://$host$request_uri; } location ~* \\.(?:js|css)$ { expires 1d; } }',
  "# c { ; }\nevents { worker_connections 1; }\nhttp {\n  set $x ${y}z;\n  add_header A 'b c' always; # x\n}\n",
  "location = / { rewrite ^/(\\d{1,3})$ /x?y=$1 last; }",
  "upstream a { server unix:/x.sock; server b:1 weight=2; }",
];

describe("nginx parser against crossplane", () => {
  const trees = [
    ...TRICKY,
    ...RULE_CASES.flatMap((item) =>
      item.base !== "nginx"
        ? []
        : [brokenFiles(item)["nginx.conf"] ?? "", brokenFiles(item)["gigastt-proxy.inc"] ?? ""],
    ),
    ...Object.values(baseFiles("compose-nginx")).filter((text) => text.includes("http {")),
  ];
  const texts = [...new Set(trees)];

  it.skipIf(!hasCrossplane)(
    `gives the same names, arguments, blocks and lines on ${texts.length} files${hasCrossplane ? "" : ": skipped, crossplane (PyPI) is not installed"}`,
    () => {
      const files = texts.map((text, i) => {
        const path = join(work, `${i}.conf`);
        writeFileSync(path, text);
        return path;
      });
      const script =
        "import crossplane,json,sys\nprint(json.dumps([crossplane.parse(p, single=True, strict=False, check_ctx=False, check_args=False) for p in sys.argv[1:]]))";
      const out = spawnSync("python3", ["-c", script, ...files], { encoding: "utf8", maxBuffer: 64 * 2 ** 20 });
      const parsed = JSON.parse(out.stdout) as { errors: unknown[]; config: { parsed: Cross[] }[] }[];
      let compared = 0;
      for (const [i, text] of texts.entries()) {
        const theirs = parsed[i];
        const ours = parseNginx(createSource("a.conf", text));
        if (!theirs || theirs.errors.length > 0 || ours.problems.length > 0) continue; // both refuse in their own words
        expect(simplify(ours.directives), text).toEqual(simplifyCross(theirs.config[0]?.parsed ?? []));
        compared += 1;
      }
      expect(compared).toBeGreaterThan(texts.length * 0.9);
    },
  );
});

function simplify(directives: readonly NginxDirective[]): unknown[] {
  return directives.map((item) => [
    item.directive,
    item.line,
    item.args.map((arg) => plain(arg.value)),
    ...(item.block ? [simplify(item.block)] : []),
  ]);
}

function simplifyCross(directives: readonly Cross[]): unknown[] {
  return directives
    .filter((item) => item.directive !== "#")
    .map((item) => [
      item.directive,
      item.line,
      item.args.map(plain),
      ...(item.block ? [simplifyCross(item.block)] : []),
    ]);
}

/** crossplane keeps backslashes that nginx resolves. */
function plain(text: string): string {
  return text.replace(/\\(["'\\])/g, "$1");
}

describe("Caddyfile parser against caddy adapt", () => {
  const texts = [
    ...new Set(RULE_CASES.filter((item) => item.base === "caddy").map((item) => brokenFiles(item)["Caddyfile"] ?? "")),
    "(up) {\n\treverse_proxy {args.0} {\n\t\theader_up X {args.1}\n\t}\n}\na.example, b.example {\n\timport up app:1 v\n}\n:81 {\n\thandle /x/* {\n\t\timport up app:2 w\n\t}\n}\n",
    'a.example {\n\trespond `a "b" {http.request.host}` 200\n\tencode gzip \\\n\t\tzstd\n}\n',
    "{$HOST:c.example} {\n\t@m path /a /b\n\treverse_proxy @m app:3\n\treverse_proxy app:4\n}\n",
  ];

  it.skipIf(!hasCaddy)(
    `finds the same upstreams, hosts and limits on ${texts.length} files${hasCaddy ? "" : ": skipped, there is no caddy here"}`,
    () => {
      let compared = 0;
      for (const text of texts) {
        const path = join(work, "Caddyfile");
        // Names that Debian's Caddy 2.6 does not know.
        const known = text
          .replaceAll("basic_auth", "basicauth")
          .replace(
            /^\s*(?:stream_close_delay|trusted_proxies_strict|stream_timeout|trusted_proxies static)\b.*\n/gm,
            "",
          );
        writeFileSync(path, known);
        const adapted = spawnSync("caddy", ["adapt", "--adapter", "caddyfile", "--config", path], { encoding: "utf8" });
        const ours = parseCaddyfile(createSource("Caddyfile", known));
        if (adapted.status !== 0) continue;
        expect(ours.problems, known).toEqual([]);
        const theirs = parseCaddyJson(createSource("caddy.json", adapted.stdout));
        const upstreams = (file: typeof ours): string[] =>
          [
            ...new Set(
              caddyPoints(file).flatMap((point) => point.targets.map((target) => `${target.host}:${target.port}`)),
            ),
          ].sort();
        expect(upstreams(ours), known).toEqual(upstreams(theirs));
        const hosts = (file: typeof ours): string[] =>
          [
            ...new Set(
              file.sites.flatMap((site) =>
                site.addresses.map((address) => address.value.replace(/^https?:\/\//, "").replace(/^:\d+$/, "")),
              ),
            ),
          ]
            .filter((host) => host !== "")
            .sort();
        expect(
          hosts(ours).filter((host) => !host.startsWith(":")),
          known,
        ).toEqual(hosts(theirs));
        expect(
          names(
            ours.sites.flatMap((site) => site.directives),
            "encode",
          ),
          known,
        ).toBe(
          names(
            theirs.sites.flatMap((site) => site.directives),
            "encode",
          ),
        );
        compared += 1;
      }
      expect(compared).toBeGreaterThan(texts.length / 2);
    },
  );
});

/** How many directives of a name there are, in blocks too. */
function names(directives: readonly CaddyDirective[], name: string): number {
  let count = 0;
  visit(directives, [], (directive) => {
    if (directive.name === name) count += 1;
  });
  return count;
}
