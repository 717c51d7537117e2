import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import type { Tokens } from "../../../../src/engine/acoustic/words.ts";
import { confirmBySound } from "../../../../src/engine/align/confirm.ts";
import { alignTokens } from "../../../../src/engine/align/align.ts";
import { loadAcousticModel } from "../../../../src/engine/acoustic/model.ts";
import { loadRequestOf } from "../../../../src/engine/acoustic/protocol.ts";
import { parseVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { createLogMel, extractFeatures } from "../../../../src/engine/features/log-mel.ts";
import { DEMO_FRONT_END, demoBundle, EVAL_CLIPS, readClip } from "../support.ts";

test("of what hot words change, only phrases that fit the sound stay; tokens, frames and spans remain in step", async () => {
  const bundle = await demoBundle("int8");
  const vocabulary = parseVocabulary(readFileSync(bundle.vocabPath, "utf8"));
  const model = await loadAcousticModel(loadRequestOf(bundle, { threads: 1, maxSymbolsPerFrame: 10 }));
  const rows = extractFeatures(createLogMel(DEMO_FRONT_END), readClip(EVAL_CLIPS[5]!.file));
  const frames = rows.length / 64;
  const features = Float32Array.from(rows, (_, at) => rows[(at % frames) * 64 + Math.floor(at / frames)]!);
  const heard = await model.recognize(features, frames);
  await model.release();
  const pieceOf = (id: number): string => vocabulary.pieces[id]!;
  const words = [...heard.ids.keys()].filter((k) => pieceOf(heard.ids[k]!).startsWith("▁"));
  expect(words.length).toBeGreaterThan(2);
  const recognised = { features, melBins: 64, frames, encodedFrames: heard.encodedFrames };
  // Shorter than what was said, and none of its letters.
  const foreign =
    vocabulary.pieces.indexOf("▁ш") >= 0
      ? vocabulary.pieces.indexOf("▁ш")
      : vocabulary.pieces.findIndex((piece) => /^▁[жшщ]/.test(piece));
  expect(foreign).toBeGreaterThan(0);
  for (const [n, from] of words.entries()) {
    const to = words[n + 1] ?? heard.ids.length;
    // One word is replaced by one that was not said, as a hot word might.
    const without = <T extends Int32Array | Float32Array>(list: T, one: number): number[] => [
      ...list.subarray(0, from),
      one,
      ...list.subarray(to),
    ];
    const wrong: Tokens = {
      ids: Int32Array.from(without(heard.ids, foreign)),
      frames: Int32Array.from(without(heard.frames, heard.frames[from]!)),
      probabilities: Float32Array.from(without(heard.probabilities, 0.5)),
    };
    const marks = Uint8Array.from(wrong.ids, (_, k) => (k === from ? 1 : 0));
    // The sound speaks for what was heard.
    const kept = confirmBySound({ ...recognised, tokens: wrong }, { plain: heard, inPhrases: marks }, vocabulary);
    expect([...kept.ids]).toEqual([...heard.ids]);
    // And the other way round: what was said takes the place of what was misheard, but only as a phrase.
    const isPhrase = Uint8Array.from(heard.ids, (_, k) => (k >= from && k < to ? 1 : 0));
    const found = confirmBySound({ ...recognised, tokens: heard }, { plain: wrong, inPhrases: isPhrase }, vocabulary);
    expect([...found.ids]).toEqual([...heard.ids]);
    expect(found.spans).toEqual(alignTokens({ ...recognised, tokens: heard }, vocabulary));
    const none = new Uint8Array(heard.ids.length);
    const unmarked = confirmBySound({ ...recognised, tokens: heard }, { plain: wrong, inPhrases: none }, vocabulary);
    expect([...unmarked.ids]).toEqual([...wrong.ids]);
  }
});

test("any two readings give one of their tokens for each word, in order, whatever they hold", () => {
  const vocabulary = createVocabulary(["<unk>", "▁мо", "ск", "ва", "▁", ".", "▁—", "▁20", "▁wi", "ь"]);
  let seed = 11;
  const next = (): number => (seed = (seed * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
  for (let run = 0; run < 200; run++) {
    const encodedFrames = 1 + Math.floor(next() * 60);
    const frames = encodedFrames * 4;
    const features = Float32Array.from({ length: 64 * frames }, () => -13 + next() * 12);
    const reading = (): Tokens => {
      const at = Array.from({ length: Math.floor(next() * 20) }, () => Math.floor(next() * encodedFrames));
      at.sort((a, b) => a - b);
      return {
        ids: Int32Array.from(at, () => Math.floor(next() * vocabulary.pieces.length)),
        frames: Int32Array.from(at),
        probabilities: new Float32Array(at.length).fill(0.5),
      };
    };
    const [tokens, plain] = [reading(), reading()];
    const inPhrases = Uint8Array.from(tokens.ids, () => Math.round(next()));
    const result = confirmBySound(
      { features, melBins: 64, frames, tokens, encodedFrames },
      { plain, inPhrases },
      vocabulary,
    );
    const allowed = new Set([...tokens.ids, ...plain.ids]);
    for (const id of result.ids) expect(allowed).toContain(id);
    expect(result.frames).toHaveLength(result.ids.length);
    expect(result.probabilities).toHaveLength(result.ids.length);
    for (let k = 0; k + 1 < result.frames.length; k++)
      expect(result.frames[k + 1]).toBeGreaterThanOrEqual(result.frames[k]!);
    if (result.spans) expect(result.spans).toHaveLength(2 * result.ids.length);
  }
});
