import { describe, expect, it } from "vitest";
import type { NginxDirective } from "../../../../src/audit/parse/nginx.ts";
import { parseNginx, splitNginxDump } from "../../../../src/audit/parse/nginx.ts";
import { createSource, positionAt } from "../../../../src/audit/source.ts";

const parse = (text: string) => parseNginx(createSource("nginx.conf", text));
const words = (directive: NginxDirective | undefined) => [
  directive?.directive,
  ...(directive?.args ?? []).map((arg) => arg.value),
];

describe("nginx parser", () => {
  it("gives name, arguments, block and the lines of both ends", () => {
    const { directives, problems } = parse("http {\n  server {\n    listen 80 default_server;\n  }\n}\n");
    expect(problems).toEqual([]);
    const server = directives[0]?.block?.[0];
    expect([server?.line, server?.column, server?.endLine]).toEqual([2, 3, 4]);
    expect(words(server?.block?.[0])).toEqual(["listen", "80", "default_server"]);
  });

  it("keeps exact offsets of every argument", () => {
    const text = "proxy_set_header   Host  'a b' ;";
    const arg = parse(text).directives[0]?.args[1];
    expect(arg && text.slice(arg.start, arg.end)).toBe("'a b'");
    expect(arg?.value).toBe("a b");
  });

  it("reads several directives on one line", () => {
    expect(parse("a 1; b 2; c { d 3; }").directives.map((item) => item.directive)).toEqual(["a", "b", "c"]);
  });

  it.each([
    ["braces and semicolons in quotes", `log_format x '{"a": "$b"; }';`, ["log_format", "x", `{"a": "$b"; }`]],
    ["${var} in a word", "set $x ${host}abc;", ["set", "$x", "${host}abc"]],
    ["escaped quotes", String.raw`set $x "a\"b";`, ["set", "$x", 'a"b']],
    ["a backslash of a regex stays", String.raw`rewrite ^/a\.b$ /c;`, ["rewrite", String.raw`^/a\.b$`, "/c"]],
    ["a quote inside a word", `if_modified a"b;`, ["if_modified", `a"b`]],
    ["# inside a word", "set $x a#b;", ["set", "$x", "a#b"]],
    ["regex quantifier in quotes", `location ~ "^/a{2,3}$" { }`, ["location", "~", "^/a{2,3}$"]],
    ["parentheses of if", "if ($a = b) { }", ["if", "$a", "=", "b"]],
  ])("reads %s", (_, text, expected) => {
    const { directives, problems } = parse(text);
    expect(problems).toEqual([]);
    expect(words(directives[0])).toEqual(expected);
  });

  it("collects comments and does not read them", () => {
    const { directives, comments } = parse("# a { b\nx 1; # c ; d\n");
    expect(directives).toHaveLength(1);
    expect(comments).toHaveLength(2);
  });

  it("skips lua code as one opaque block", () => {
    const { directives, problems } = parse(
      `location / {\n  content_by_lua_block {\n    local s = "}" -- }\n    if x then y = { 1 } end\n    local l = [[ } ]]\n  }\n  return 200;\n}`,
    );
    expect(problems).toEqual([]);
    expect(directives[0]?.block?.map((item) => item.directive)).toEqual(["content_by_lua_block", "return"]);
  });

  it.each([
    ["a missing semicolon", "listen 80\n}", 'directive "listen" is not terminated by ";" before "}"'],
    ["a block that is never closed", "http {\n  a b;\n", 'block "http" is never closed: "}" is missing'],
    ["a spare brace", "a b;\n}\n", 'unexpected "}": no block is open here'],
    ["a spare semicolon", ";", 'unexpected ";": there is no directive before it'],
    ["an open quote", 'a "b;\n', 'the string opened by " is never closed'],
    ["a block without a name", "{ a b; }", 'unexpected "{": a block needs a name'],
  ])("reports %s with its place and goes on", (_, text, message) => {
    const { problems } = parse(text);
    expect(problems.map((problem) => problem.message)).toContain(message);
    for (const problem of problems) expect(positionAt(problem.span.source, problem.span.start).line).toBeGreaterThan(0);
  });

  it("splits an nginx -T dump into its files", () => {
    const parts = splitNginxDump(
      "# configuration file /etc/nginx/nginx.conf:\nevents {}\n# configuration file /etc/nginx/a.conf:\nx 1;\n",
    );
    expect(parts?.map((part) => part.name)).toEqual(["/etc/nginx/nginx.conf", "/etc/nginx/a.conf"]);
  });

  it("stops reading blocks nested deeper than 200 levels", () => {
    const { problems } = parse(`${"a {".repeat(5000)}${"}".repeat(5000)}`);
    expect(problems.some((problem) => problem.message.includes("deeper than 200"))).toBe(true);
  });
});
