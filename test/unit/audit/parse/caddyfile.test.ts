import { describe, expect, it } from "vitest";
import type { CaddyDirective } from "../../../../src/audit/parse/caddyfile-tree.ts";
import { parseCaddyfile } from "../../../../src/audit/parse/caddyfile.ts";
import { parseCaddyJson } from "../../../../src/audit/parse/caddy-json.ts";
import { caddyPoints, goDurationMs, humanizeBytes } from "../../../../src/audit/model/caddy.ts";
import { createSource } from "../../../../src/audit/source.ts";

const parse = (text: string, env: Record<string, string> = {}) =>
  parseCaddyfile(createSource("Caddyfile", text), { env });
const flat = (directives: readonly CaddyDirective[]): unknown[] =>
  directives.map((item) => [
    item.name,
    ...item.args.map((arg) => arg.value),
    ...(item.block ? [flat(item.block)] : []),
  ]);

describe("Caddyfile parser", () => {
  it("reads global options, sites and nested blocks", () => {
    const file = parse(
      "{\n\tadmin off\n}\na.example, b.example {\n\thandle /x/* {\n\t\treverse_proxy app:1 {\n\t\t\theader_up X y\n\t\t}\n\t}\n}\n",
    );
    expect(file.problems).toEqual([]);
    expect(flat(file.options)).toEqual([["admin", "off"]]);
    expect(file.sites[0]?.addresses.map((address) => address.value)).toEqual(["a.example", "b.example"]);
    expect(flat(file.sites[0]?.directives ?? [])).toEqual([
      ["handle", "/x/*", [["reverse_proxy", "app:1", [["header_up", "X", "y"]]]]],
    ]);
  });

  it("reads a file with one site and no braces", () => {
    const file = parse("stt.example.com\n\nreverse_proxy 127.0.0.1:9876\nencode gzip\n");
    expect(flat(file.sites[0]?.directives ?? [])).toEqual([
      ["reverse_proxy", "127.0.0.1:9876"],
      ["encode", "gzip"],
    ]);
  });

  it("continues addresses over lines after a comma", () => {
    expect(
      parse("a.example,\nb.example {\n\trespond ok\n}\n").sites[0]?.addresses.map((address) => address.value),
    ).toEqual(["a.example", "b.example"]);
  });

  it.each([
    ["double quotes", 'respond "a \\" b"', ["respond", 'a " b']],
    ["backticks", 'respond `a " {b}`', ["respond", 'a " {b}']],
    ["a heredoc", "respond <<END\n\t\tone\n\t\t two\n\t\tEND 200", ["respond", "one\n two", "200"]],
    ["a continued line", "respond a \\\n\tb", ["respond", "a", "b"]],
    ["an unset variable with default", "respond {$NOPE:x}", ["respond", "x"]],
    ["a set variable", "respond {$NAME:x}", ["respond", "y"]],
    ["a placeholder", "respond {http.request.host}", ["respond", "{http.request.host}"]],
    ["# inside a word", "respond a#b", ["respond", "a#b"]],
  ])("reads %s", (_, line, expected) => {
    const file = parse(`:80 {\n\t${line}\n}\n`, { NAME: "y" });
    expect(file.problems).toEqual([]);
    expect(flat(file.sites[0]?.directives ?? [])).toEqual([expected]);
  });

  it("expands snippets with arguments, and findings stay in the snippet", () => {
    const file = parse(
      "(proxy) {\n\treverse_proxy {args[0]} {\n\t\theader_up X {args.1}\n\t}\n}\n:80 {\n\timport proxy app:1 v\n}\n",
    );
    expect(flat(file.sites[0]?.directives ?? [])).toEqual([["reverse_proxy", "app:1", [["header_up", "X", "v"]]]]);
    expect(file.sites[0]?.directives[0]?.line).toBe(2);
  });

  it("imports files, names those that are missing, and stops at a cycle", () => {
    const other = createSource("other.caddy", "encode gzip\nimport Caddyfile\n");
    const main = createSource("Caddyfile", ":80 {\n\timport other.caddy\n\timport gone.caddy\n}\n");
    const file = parseCaddyfile(main, {
      resolveImport: (_, pattern) =>
        pattern === "other.caddy" ? [other] : pattern === "Caddyfile" ? [main] : undefined,
    });
    expect(flat(file.sites[0]?.directives ?? [])).toEqual([["encode", "gzip"]]);
    expect(file.missingImports).toHaveLength(1);
    expect(file.problems.map((problem) => problem.message)).toEqual([
      "import of Caddyfile never ends: it imports itself",
    ]);
  });

  it("stops when snippets import each other without end", () => {
    const file = parse("(a) {\n\timport b\n\timport b\n}\n(b) {\n\timport a\n\timport a\n}\n:80 {\n\timport a\n}\n");
    expect(file.problems.length).toBeGreaterThan(0);
  });

  it.each([
    ["an open block", ":80 {\n\trespond ok\n", 'this block is never closed: "}" is missing'],
    ["a spare brace", "}\n", 'unexpected "}": no block is open here'],
    ["an open quote", ':80 {\n\trespond "a\n}\n', 'the string opened by " is never closed'],
    ["an open heredoc", ":80 {\n\trespond <<X\n a\n}\n", "the heredoc has no closing marker"],
    ["an import without a name", ":80 {\n\timport\n}\n", "import needs a snippet name or a file"],
    ["options that are not first", ":80 {\n}\n{\n\tadmin off\n}\n", "the global options block must be the first block"],
  ])("reports %s", (_, text, message) => {
    expect(parse(text).problems.map((problem) => problem.message)).toContain(message);
  });

  it("gives Caddy's JSON the same shape", () => {
    const json = {
      admin: { listen: "localhost:2019" },
      apps: {
        http: {
          grace_period: 15_000_000_000,
          servers: {
            s: {
              listen: [":443"],
              routes: [
                {
                  match: [{ host: ["stt.example.com"] }],
                  handle: [
                    {
                      handler: "subroute",
                      routes: [
                        {
                          match: [{ path: ["/v1/*"] }],
                          handle: [
                            {
                              handler: "reverse_proxy",
                              upstreams: [{ dial: "127.0.0.1:9876" }],
                              transport: { protocol: "http", versions: ["h2c"] },
                            },
                          ],
                        },
                      ],
                    },
                  ],
                },
              ],
            },
          },
        },
      },
    };
    const file = parseCaddyJson(createSource("caddy.json", JSON.stringify(json, null, 2)));
    expect(flat(file.options)).toEqual([
      ["admin", "localhost:2019"],
      ["grace_period", "15s"],
    ]);
    const point = caddyPoints(file)[0];
    expect(point?.paths).toEqual(["/v1/*"]);
    expect(point?.targets.map((target) => target.port)).toEqual([9876]);
  });

  it("reads Go durations and humanized sizes", () => {
    expect([
      goDurationMs("1h30m"),
      goDurationMs("15s"),
      goDurationMs("-1s"),
      goDurationMs("1d"),
      goDurationMs("x"),
    ]).toEqual([5_400_000, 15_000, -1000, 86_400_000, undefined]);
    expect([
      humanizeBytes("50MB"),
      humanizeBytes("50MiB"),
      humanizeBytes("52428800"),
      humanizeBytes("1.5k"),
      humanizeBytes("x"),
    ]).toEqual([50_000_000, 52_428_800, 52_428_800, 1500, undefined]);
  });
});
