import { describe, expect, it } from "vitest";
import { failure, load } from "./_load.ts";

const check = (text: string | Uint8Array): Promise<string> => failure(load(text));

describe("broken YAML", () => {
  it("a tab as indentation", async () => {
    expect(await check("server:\n\tport: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:1: must be indented with spaces, not with tabs; use two spaces"`,
    );
  });
  it("a key twice, told with both lines", async () => {
    expect(await check("server:\n  port: 1\n  host: ::1\n  port: 2\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:4:3 server.port: is given twice, first on line 2; delete one of them"`,
    );
  });
  it("a section twice, and the mistakes inside as well", async () => {
    expect(await check("pool:\n  size: 1\nserver:\n  port: 1\npool:\n  size: x\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:5:1 pool: is given twice, first on line 1; delete one of them
      gigastt.config.yaml:6:9 pool.size: must be a whole number from 1 to 1024, found "x"; for example 4"
    `);
  });
  it("bad indentation", async () => {
    expect(await check("server:\n  port: 1\n host: ::1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:1: has an indentation that matches no level above; align it with its neighbours, two spaces per level"`,
    );
  });
  it("an unclosed quote", async () => {
    expect(await check('server:\n  host: "127.0.0.1\npool:\n  size: 1\n')).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9: is opened here and never closed; add the closing ""`,
    );
  });
  it("an unclosed bracket", async () => {
    expect(await check("server:\n  trustedProxies: [10.0.0.0/8\npool:\n  size: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:19: is opened here and never closed; add the closing ]"`,
    );
  });
  it("two colons on a line", async () => {
    expect(await check("server: port: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:9: has two \`key:\` on one line; put a value with a colon in quotes, a nested key on its own indented line"`,
    );
  });
  it("a colon without a space", async () => {
    expect(await check("server:\n  port:1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3 server: must be a section with keys, found "port:…"; put a space after the colon"`,
    );
    expect(await check("server:\n  port:1\n  host: ::1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3: is not a \`key: value\` line; add the colon, or put a text over several lines in quotes"`,
    );
  });
  it("two documents", async () => {
    expect(await check("pool:\n  size: 1\n---\npool:\n  size: 2\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:1: must hold one document; a second one begins here; delete the \`---\` line"`,
    );
  });
  it("never shows the text of a broken line, it could be half a secret", async () => {
    expect(await check('server:\n  password: "hunter2\n')).not.toContain("hunter2");
  });
});

describe("YAML that a configuration does not need", () => {
  it("aliases", async () => {
    expect(await check("pool: &a\n  size: 1\nsession: *a\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:10: must not use aliases (*name); write the value out, or put the text in quotes"`,
    );
  });
  it("an alias without its anchor", async () => {
    expect(await check("server:\n  host: *a\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9: must not use aliases (*name); write the value out, or put the text in quotes"`,
    );
  });
  it("a star that was meant as text", async () => {
    expect(await check("server:\n  allowedOrigins: [*]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:20: must not use aliases (*name); write the value out, or put the text in quotes"`,
    );
  });
  it("a bomb of nested aliases is refused at once", async () => {
    let bomb = "a0: &a0 x\n";
    for (let i = 1; i < 30; i++) bomb += `a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(",")}]\n`;
    const outcome = await check(bomb);
    expect(outcome.split("\n")[0]).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:10: must not use aliases (*name); write the value out, or put the text in quotes"`,
    );
  });
  it("an alias that contains itself", async () => {
    expect(await check("server: &a [*a]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:13: must not use aliases (*name); write the value out, or put the text in quotes"`,
    );
  });
  it("tags, merge keys, keys that are lists, a %YAML line", async () => {
    expect(await check("server:\n  host: !secret x\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:17: must not use tags (!name); put the text in quotes"`,
    );
    expect(await check("server:\n  <<: {port: 1}\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3: must not use merge keys (<<); write the values out"`,
    );
    expect(await check("? [a]\n: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:3: must have plain words as keys; write \`name: value\`"`,
    );
    expect(await check("%YAML 1.1\n---\nmetrics:\n  enabled: yes\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1: must be plain YAML 1.2 without a %YAML line; delete that line"`,
    );
  });
  it("nesting without end: brackets, braces, dashes, question marks", async () => {
    expect(await check("[".repeat(200_000))).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:25: must not nest deeper than 24 levels; remove the extra brackets or dashes"`,
    );
    for (const piece of ["{a: ", "- ", "? "]) {
      expect(await check(piece.repeat(40_000))).toContain("must not nest deeper than 24 levels");
    }
    expect(await check(`server:\n  - ${"- ".repeat(30)}1\n`)).toContain("gigastt.config.yaml:2:51: must not nest");
  });
  it("as much nesting by indentation as a file has room for", async () => {
    const lines = Array.from({ length: 700 }, (_, depth) => `${" ".repeat(depth)}a:`);
    expect(await check(lines.join("\n"))).toContain("gigastt.config.yaml:1:1 a: is not a known key");
    const dashes = Array.from({ length: 100 }, (_, depth) => `${" ".repeat(depth * 48)}${"- ".repeat(24)}`);
    expect(await check(dashes.join("\n"))).toContain("gigastt.config.yaml");
  });
});

describe("bytes that are no text", () => {
  it("accepts a UTF-8 byte order mark, Windows line ends and an empty file", async () => {
    expect((await load("\ufeffpool:\r\n  size: 7\r\n")).config.pool.size).toBe(7);
    expect((await load("")).config.pool.size).toBe(4);
    expect((await load("# nothing set\n")).config.pool.size).toBe(4);
    expect((await load("---\npool:\n  size: 5\n...\n")).config.pool.size).toBe(5);
  });
  it("keeps line and column right behind a byte order mark, Windows line ends and Cyrillic comments", async () => {
    expect(await check("\ufeff# порт\r\nserver:\r\n  port: x\r\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:9 server.port: must be a whole number from 0 to 65535, found "x"; for example 9876"`,
    );
    expect(await check("server: {port: x}\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:16 server.port: must be a whole number from 0 to 65535, found "x"; for example 9876"`,
    );
  });
  it("a section whose keys are all commented out is empty, not wrong", async () => {
    expect((await load("pool:\n  # size: 7\nserver:\n")).config.pool.size).toBe(4);
  });
  it("refuses UTF-16", async () => {
    expect(await check(Buffer.from("\ufeffpool:\n", "utf16le"))).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1: must be UTF-8, not UTF-16; save it as UTF-8"`,
    );
  });
  it("refuses a byte that is not UTF-8, at its place", async () => {
    expect(
      await check(Buffer.concat([Buffer.from("pool:\n  size: 1 # "), Buffer.from([0xef, 0xf0, 0xe8])])),
    ).toMatchInlineSnapshot(`"gigastt.config.yaml:2:13: must be UTF-8; this byte is not valid; save it as UTF-8"`);
  });
  it("refuses NUL and other control characters", async () => {
    expect(await check("pool:\n  size: 1\0\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:10: must be plain text without the control character U+0000; delete it"`,
    );
    expect(await check("pool: \u0007\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:7: must be plain text without the control character U+0007; delete it"`,
    );
  });
  it("refuses a gzip file and an executable without a crash", async () => {
    expect(await check(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]))).toContain("must be UTF-8");
    expect(await check(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]))).toContain("control character");
  });
});
