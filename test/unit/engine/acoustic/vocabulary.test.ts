import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { GigasttError } from "../../../../src/shared/errors.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const GOOD = "<unk> 0\n▁дом 1\nа 2\n, 3\n<blk> 4\n";

describe("a vocabulary", () => {
  test("has its pieces in id order, the blank after them, and hides the specials", () => {
    const vocabulary = parseVocabulary(GOOD);
    expect(vocabulary.pieces).toEqual(["<unk>", "▁дом", "а", ","]);
    expect(vocabulary.blank).toBe(4);
    expect([...vocabulary.hidden]).toEqual([0]);
  });

  test("may have tabs, Windows line ends, any order, no last line end and no blank line", () => {
    expect(parseVocabulary("а\t1\r\n<unk>\t0").pieces).toEqual(["<unk>", "а"]);
  });

  test("may have a piece that is a digit, a space or a word with spaces", () => {
    expect(parseVocabulary("1 0\n  1\nдва слова 2\n").pieces).toEqual(["1", " ", "два слова"]);
  });
});

describe("a damaged vocabulary is refused by its line:", () => {
  test.each([
    ["nothing", "", "it has no pieces"],
    ["only a blank", "<blk> 0\n", "it has no pieces"],
    ["a word without an id", "дом\n", 'line 1 is not "piece id"'],
    ["a negative id", "а 0\nб -1\n", 'line 2 is not "piece id"'],
    ["a fraction", "а 0.5\n", 'line 1 is not "piece id"'],
    ["an id twice", "а 0\nб 0\n", "line 2 gives id 0 a second piece"],
    ["a hole", "а 0\nб 2\n", "id 1 has no piece"],
    ["an id of a billion", "а 0\nб 1000000000\n", "id 1 has no piece"],
    ["an id beyond every array", "а 99999999999999999999\n", "it has no pieces"],
    ["a blank in the middle", "а 0\nб 1\n<blk> 1\n", "the blank must come after the 2 pieces, it has id 1"],
    ["bytes of an ONNX file", "\u0008\u0008\u0012\u0007pytorch\u001a\u0005\n", 'line 1 is not "piece id"'],
    ["a web page", "<!doctype html>\n<title>404</title>\n", 'line 1 is not "piece id"'],
    ["a UTF-16 file read as UTF-8", "а\0 \u00000\0\n", 'line 1 is not "piece id"'],
  ])("%s", (_what, text, problem) => {
    expect(() => parseVocabulary(text)).toThrow(problem);
    expect(() => parseVocabulary(text)).toThrow(expect.objectContaining({ code: "GST_MODEL_VOCABULARY" }));
  });

  test("a megabyte without a line end does not take long", () => {
    for (const text of ["1".repeat(1_000_000), " 1".repeat(500_000), `${"1 ".repeat(500_000)}x`]) {
      const began = performance.now();
      try {
        parseVocabulary(text);
      } catch (error) {
        expect(error).toBeInstanceOf(GigasttError);
      }
      expect(performance.now() - began).toBeLessThan(5000);
    }
  });

  test("any text gives dense pieces or GST_MODEL_VOCABULARY", () => {
    const line = fc.oneof(
      fc.tuple(fc.string({ maxLength: 5 }), fc.nat(6)).map(([piece, id]) => `${piece} ${id}`),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          const { pieces, blank } = parseVocabulary(lines.join("\n"));
          expect(pieces).toHaveLength(blank);
          for (let id = 0; id < blank; id++) expect(typeof pieces[id]).toBe("string");
        } catch (error) {
          expect(error).toMatchObject({ code: "GST_MODEL_VOCABULARY" });
        }
      }),
      fuzzRuns(5000),
    );
  });
});
