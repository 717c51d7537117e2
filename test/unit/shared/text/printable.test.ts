import { describe, expect, it } from "vitest";
import { printable } from "../../../../src/shared/text/printable.ts";

describe("text of others in our messages", () => {
  it("escapes what could steer a terminal or turn the line around", () => {
    expect(printable("a\u001b[31mb\r\n\u0007\u202ec\u2028d\u0085")).toBe(
      "a\\u001b[31mb\\u000d\\u000a\\u0007\\u202ec\\u2028d\\u0085",
    );
    expect(printable("half \ud83d a character")).toBe("half \\ud83d a character");
  });
  it("leaves Cyrillic, quotes and whole emoji alone", () => {
    expect(printable('путь "к" модели 🎤')).toBe('путь "к" модели 🎤');
  });
  it("cuts long text", () => {
    expect(printable("x".repeat(100))).toBe(`${"x".repeat(60)}…`);
    expect(printable("x".repeat(100), 200)).toHaveLength(100);
  });
});
