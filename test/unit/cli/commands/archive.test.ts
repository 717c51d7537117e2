import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteArchive } from "../../../../src/store/archive/sqlite/open.ts";
import { entryOf } from "../../../contract/archive-store.ts";
import { runLine } from "../_run.ts";
import type { Outcome } from "../_run.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-archive-cli-"));
  use("archive");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const use = (name: string, enabled = true): void =>
  writeFileSync(
    join(dir, "gigastt.config.yaml"),
    `archive: { enabled: ${enabled}, shared: true, dir: ${join(dir, name)}, diskReserve: 0B }\n`,
  );
const archive = (...argv: string[]): Promise<Outcome> =>
  runLine(["archive", ...argv], { cwd: dir, env: { HOME: dir } });

function fill(name = "archive"): string[] {
  const store = openSqliteArchive(join(dir, name, "archive.sqlite"));
  const entries = ["моя кухня", "на красной площади", "просто слово"].map((text, n) =>
    entryOf(text, { createdMs: Date.UTC(2026, 0, 1 + n), title: `т${n}`, owner: n === 0 ? "key b" : "key a" }),
  );
  for (const entry of entries) store.add(entry);
  store.close();
  return entries.map(({ id }) => id);
}

describe("gigastt archive", () => {
  it("says where it looked and what turns the archive on, and makes nothing", async () => {
    for (const enabled of [true, false]) {
      use("none", enabled);
      const outcome = await archive("search");
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining(join(dir, "none"))]);
    }
    expect(() => statSync(join(dir, "none"))).toThrow();
  });

  it("search finds words in any form and says where; exit code 1 when there is nothing", async () => {
    const [first] = fill();
    const found = await archive("search", "кухни");
    expect(found.code).toBe(0);
    expect(found.stdout).toContain(first);
    expect(found.stdout).toContain("00:00:01  моя [кухня]");
    // The shell has taken the quotes of a phrase.
    expect((await archive("search", "красная площадь")).code).toBe(0);
    expect((await archive("search", "площадь красная")).code).toBe(1);
    expect((await archive("search", "площадь", "красная")).code).toBe(0);
    const json = JSON.parse((await archive("search", "--json", "--limit", "1")).stdout) as {
      found: { id: string; order: number }[];
      hasMore: boolean;
    };
    expect(json.hasMore).toBe(true);
    const rest = await archive("search", "--json", "--after", String(json.found[0]!.order));
    expect((JSON.parse(rest.stdout) as typeof json).found).toHaveLength(2);
    expect(
      (await archive("search", "--owner", "key b", "--from", "2026-01-01", "--to", "2026-01-01")).stdout,
    ).toContain(first);
  });

  it.each([
    [["search", "--limit", "0"]],
    [["search", "--from", "yesterday"]],
    [["search", "--after", "x"]],
    [["search", "а*"]],
    [["export"]],
    [["export", "ID", "--all", "f"]],
    [["import"]],
    [["purge"]],
    [["purge", "ID", "--all"]],
  ])("%j is a mistake of the command line: exit code 2", async (line) => {
    fill();
    expect((await archive(...line)).code).toBe(2);
  });

  it("export of all and import bring everything to another archive, and a second import adds nothing", async () => {
    const ids = fill();
    const file = join(dir, "all.jsonl");
    expect((await archive("export", "--all", file)).stdout).toContain("3 transcripts");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await archive("export", "--all", file)).code).toBe(1);
    use("other");
    expect((await archive("import", file)).stdout).toContain("3 added, 0 already there");
    expect((await archive("import", file)).stdout).toContain("0 added, 3 already there");
    const copy = join(dir, "copy.jsonl");
    await archive("export", "--all", copy);
    expect(readFileSync(copy, "utf8")).toBe(readFileSync(file, "utf8"));
    expect((await archive("export", ids[0]!, "--format", "srt")).stdout).toContain("моя кухня");
    expect((await archive("show", ids[0]!)).stdout).toContain("key b");
  });

  it("import takes answers of /v1/transcribe, and says of every other file why not", async () => {
    const words = [{ word: "кухня", start: 1, end: 2 }];
    const files: Record<string, string> = {
      "answer.json": JSON.stringify({ text: "кухня", words, duration: 3 }),
      "pretty.json": JSON.stringify({ text: "кухней", words: [], duration: 3 }, undefined, 2),
      "empty.json": "",
      "text.txt": "кухня",
      "words.json": '{"text":"x","words":[{"word":1}]}',
      "huge.json": '{"text":"x","words":[{"word":"x","start":1e308,"end":1e309}]}',
      "broken.jsonl": `${JSON.stringify({ text: "кухня раз" })}\n{"text":`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const outcome = await archive("import", "--json", "--owner", "key x", ...Object.keys(files), "missing.json");
    expect(outcome.code).toBe(1);
    const results = JSON.parse(outcome.stdout) as { file: string; added: number; problem: string | null }[];
    expect(results.map(({ file, added, problem }) => [file, added, problem === null])).toEqual([
      ["answer.json", 1, true],
      ["pretty.json", 1, true],
      ["empty.json", 0, true],
      ["text.txt", 0, false],
      ["words.json", 0, false],
      ["huge.json", 0, false],
      ["broken.jsonl", 1, false],
      ["missing.json", 0, false],
    ]);
    expect((await archive("search", "кухне", "--owner", "key x", "--source", "import")).stdout).toContain(
      "answer.json",
    );
  });

  it("purge deletes by id or by filter, asks before a filter, and says what was not there", async () => {
    const [first, second] = fill();
    expect((await archive("purge", first!, "no-such-id")).code).toBe(1);
    expect((await archive("purge", "--owner", "key a")).stderr).toContain("--yes");
    expect((await archive("show", second!)).code).toBe(0);
    const outcome = await archive("purge", "--owner", "key a", "--yes", "--json");
    expect(JSON.parse(outcome.stdout)).toEqual({ deleted: 2, missing: [] });
    expect((await archive("search")).stdout).toBe("Nothing found.\n");
  });
});
