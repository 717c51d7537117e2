import { describe, expect, it } from "vitest";
import { escapes } from "../../../../src/render/text/escape.ts";
import { fillTemplate, type View } from "../../../../src/render/text/template.ts";

const fill = (text: string, view: View): string => fillTemplate("t", text, view, (value) => value);

const BROKEN = [
  ["an unknown placeholder", "x\n{{ nope }}", "t:2 {{ nope }} is unknown to the view."],
  ["an unknown section", "{{# nope }}{{/ nope }}", "t:1 {{ nope }} is unknown to the view."],
  ["a list as text", "{{ list }}", "t:1 {{ list }} is a list; only text and numbers can be written."],
  ["a boolean as text", "{{ yes }}", "t:1 {{ yes }} is of type boolean; only text and numbers can be written."],
  ["an undefined value", "{{ gone }}", "t:1 {{ gone }} is undefined; only text and numbers can be written."],
  ["not a number", "{{ nan }}", "t:1 {{ nan }} is of type number; only text and numbers can be written."],
  ["an unclosed section", "{{# yes }}", "t:1 {{# yes }} is never closed."],
  ["a wrong close", "{{# yes }}\n{{/ no }}", "t:2 {{/ no }} closes {{# yes }}."],
  ["a close of nothing", "{{/ no }}", "t:1 {{/ no }} closes nothing."],
  ["a name of the prototype", "{{ constructor }}", "t:1 {{ constructor }} is unknown to the view."],
];

const UNSAFE = [
  ["caddy", "{env.HOME}"],
  ["caddy", "a\nb"],
  ["caddy", "a\\"],
  ["caddy", "@matcher"],
  ["caddy", ""],
  ["nginx", "$host"],
  ["nginx", "a\u0000b"],
  ["nginx", "a;\n}"],
  ["systemd", "$HOME"],
  ["systemd", "a\nExecStart=/bin/sh"],
  ["env", "a'b"],
  ["env", "a\nB=1"],
  ["dockerfile", "node:20 AS x"],
  ["dockerfile", "$(id)"],
  ["shell", "80;reboot"],
  ["shell", "$(id)"],
] as const;

describe("template", () => {
  it("writes text and numbers", () => {
    expect(fill("a {{ x }} {{ y.z }}", { x: "b", y: { z: 3 } })).toBe("a b 3");
  });

  it("repeats a list, enters an object, keeps a true block, and finds outer names inside", () => {
    const text =
      "{{# list }}[{{ . }}{{ outer }}]{{/ list }}{{# o }}{{ k }}{{/ o }}{{# yes }}Y{{/ yes }}{{^ no }}N{{/ no }}";
    expect(fill(text, { list: ["a", "b"], outer: 1, o: { k: "k" }, yes: true, no: false })).toBe("[a1][b1]kYN");
  });

  it("removes lines that hold only a section tag", () => {
    expect(fill("a\n{{# x }}\n  b\n{{/ x }}\nc\n", { x: true })).toBe("a\n  b\nc\n");
    expect(fill("a\n{{# x }}\n  b\n{{/ x }}\nc\n", { x: false })).toBe("a\nc\n");
  });

  it.each(BROKEN)("refuses %s", (_name, text, message) => {
    const view = { list: [], yes: true, gone: undefined, nan: Number.NaN };
    expect(() => fill(text, view)).toThrow(message);
  });
});

describe("escaping", () => {
  it("quotes what a target would split and leaves plain words alone", () => {
    expect(escapes.caddy("stt.example.com")).toBe("stt.example.com");
    expect(escapes.caddy('a "b" c')).toBe('"a \\"b\\" c"');
    expect(escapes.nginx("camera=(), x")).toBe('"camera=(), x"');
    expect(escapes.nginx('a\\b"c;')).toBe('"a\\\\b\\"c;"');
    expect(escapes.systemd("100%")).toBe("100%%");
    expect(escapes.systemd("a b")).toBe('"a b"');
    expect(escapes.systemd("/a b 5%", "WorkingDirectory=")).toBe("/a b 5%%");
    expect(escapes.env("$2a$14$abc")).toBe("'$2a$14$abc'");
  });

  it.each(UNSAFE)("%s refuses %j", (target, value) => {
    expect(() => escapes[target](value)).toThrow(/cannot be written safely/);
  });
});
