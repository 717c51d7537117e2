import { describe, expect, it } from "vitest";
import { table, textWidth, wrap } from "../../../src/cli/output.ts";

describe("tables", () => {
  it("align columns by what a terminal shows: colours count nothing, wide characters two", () => {
    const rows = [
      ["модель", "a"],
      ["\u001b[1mb\u001b[22m", "c"],
      ["日本", "d"],
    ];
    expect(table(rows, "  ")).toBe(["  модель  a", "  \u001b[1mb\u001b[22m       c", "  日本    d"].join("\n"));
    expect(textWidth("e\u0301 🎤")).toBe(4);
  });
  it("allow rows of different length and leave no spaces at the end", () => {
    expect(table([["a", "b", "c"], ["long"], ["x", ""]])).toBe("a     b  c\nlong\nx");
    expect(table([])).toBe("");
  });
});

describe("wrapping", () => {
  it("breaks at spaces, keeps line breaks and never breaks a word", () => {
    expect(wrap("one two three\nfour", 7)).toEqual(["one two", "three", "four"]);
    expect(wrap("https://example.com/very/long b", 10)).toEqual(["https://example.com/very/long", "b"]);
  });
});
