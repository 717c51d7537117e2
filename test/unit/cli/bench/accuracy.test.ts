import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findPairs } from "../../../../src/cli/bench/accuracy/pairs.ts";
import { byFolder, byLength, type Heard, plainText, scoreOf } from "../../../../src/cli/bench/accuracy/score.ts";
import { temporaryDir } from "../../models/helpers.ts";

function heard(reference: string, text: string, other: Partial<Heard> = {}): Heard {
  return { file: "a.wav", folder: "", reference, text, audioS: 10, wallS: 1, ...other };
}

describe("scores", () => {
  test("case, punctuation and ё count only as written", () => {
    expect(plainText("  Ещё — раз:\n«Пять» ")).toBe("еще раз пять");
    expect(scoreOf([heard("Ещё раз, пять.", "еще раз пять")])).toMatchObject({
      words: 3,
      wordErrorRate: 0,
      characterErrorRate: 0,
      wordErrorRateAsWritten: 100,
    });
  });

  test("errors are added before they are divided, and so are lengths", () => {
    const score = scoreOf([
      heard("раз два три четыре", "раз два три", { audioS: 30, wallS: 3 }),
      heard("пять", "шесть", { audioS: 10, wallS: 2 }),
    ]);
    expect(score).toMatchObject({ recordings: 2, words: 5, wordErrorRate: 40, realTimeFactor: 0.125, audioS: 40 });
  });

  test("a text without words makes every word an error, and nothing at all is no error", () => {
    expect(scoreOf([heard("…", "раз два")]).wordErrorRate).toBe(200);
    expect(scoreOf([heard("", "")]).wordErrorRate).toBe(0);
    expect(scoreOf([])).toMatchObject({ recordings: 0, wordErrorRate: 0, realTimeFactor: 0 });
  });

  test("groups hold each recording once", () => {
    const all = [1, 5, 14.9, 60, 3600].map((audioS, n) => heard("а", "а", { audioS, folder: n % 2 ? "street" : "" }));
    expect([...byLength(all)].map(([name, members]) => [name, members.length])).toEqual([
      ["under 5 s", 1],
      ["5 to 15 s", 2],
      ["1 min and more", 2],
    ]);
    expect([...byFolder(all)].map(([name, members]) => [name, members.length])).toEqual([
      ["", 3],
      ["street", 2],
    ]);
  });
});

describe("pairs", () => {
  test("are recordings with a text beside them, in the folder and in its folders", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, "street"));
    mkdirSync(join(dir, "empty"));
    for (const name of ["a.wav", "b.MP3", "street/c.ogg", "d.wav", "notes.md"]) writeFileSync(join(dir, name), "x");
    for (const name of ["a", "b", "street/c"]) writeFileSync(join(dir, `${name}.txt`), "\uFEFFраз два\n");
    mkdirSync(join(dir, "d.txt"));
    const { pairs, withoutText } = await findPairs(dir);
    expect(pairs.map(({ file, folder, reference }) => [file, folder, reference])).toEqual([
      ["a.wav", "", "раз два\n"],
      ["b.MP3", "", "раз два\n"],
      ["street/c.ogg", "street", "раз два\n"],
    ]);
    expect(withoutText).toEqual(["d.wav"]);
  });

  test("none are an error that says what is expected", async () => {
    const dir = temporaryDir();
    await expect(findPairs(dir)).rejects.toThrow(/call\.mp3 and call\.txt.*it has no recordings/);
    writeFileSync(join(dir, "a.wav"), "x");
    await expect(findPairs(dir)).rejects.toThrow(/it has 1 without a text/);
    await expect(findPairs(join(dir, "a.wav"))).rejects.toThrow(/not a readable folder \(ENOTDIR\)/);
  });
});
