import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogMel, extractFeatures } from "../../../../src/engine/features/log-mel.ts";
import type { WindowResult } from "../../../../src/engine/acoustic/protocol.ts";
import type { HotWord } from "../../../../src/shared/hot-words.ts";
import { createPool, type InferencePool } from "../../../../src/engine/pool/pool.ts";
import { parseVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { inSequence, tokensToWords } from "../../../../src/engine/acoustic/words.ts";
import { DEMO_CONFIG, DEMO_FRONT_END, demoBundle, EVAL_CLIPS, readClip } from "../support.ts";

describe.each(["fp32", "int8"] as const)("the demo model, %s", (precision) => {
  let pool: InferencePool;
  const logMel = createLogMel(DEMO_FRONT_END);
  const results = new Map<string, WindowResult>();

  beforeAll(async () => {
    const bundle = await demoBundle(precision);
    pool = createPool({
      workers: 1,
      request: async () => ({
        encoderPath: bundle.encoderPath,
        ...(bundle.transducer && { transducer: bundle.transducer }),
        vocabPath: bundle.vocabPath,
        frontEnd: bundle.frontEnd,
        threads: 1,
        maxSymbolsPerFrame: DEMO_CONFIG.engine.maxSymbolsPerFrame,
      }),
      queueLimit: 100,
      loadTimeoutMs: 60_000,
      onWorkerLost: (reason) => expect.unreachable(reason),
    });
    expect(await pool.start()).toMatchObject({ vocabSize: 256, melBins: 64, subsampling: 4 });
    for (const clip of EVAL_CLIPS) results.set(clip.file, await recognise(clip.file));
  });

  function recognise(file: string, hotWords: readonly HotWord[] = []): Promise<WindowResult> {
    const rows = extractFeatures(logMel, readClip(file));
    const frames = rows.length / 64;
    const features = new Float32Array(rows.length);
    for (let t = 0; t < frames; t++)
      for (let mel = 0; mel < 64; mel++) features[mel * frames + t] = rows[t * 64 + mel]!;
    const { signal } = new AbortController();
    return pool.run({ features, frames, deadlineMs: 0, kind: "file", hotWords, signal });
  }
  afterAll(() => pool.close());

  test("emits the reference's token ids on all clips", () => {
    const wrong = EVAL_CLIPS.filter(
      (clip) => [...results.get(clip.file)!.ids].join() !== clip.reference_decode[precision].ids.join(),
    );
    expect(wrong.map((clip) => clip.file)).toEqual([]);
  });

  // int8 rounds activations by their range: a last-bit difference of one feature, or another processor's kernels, can move a token by one frame (40 ms).
  test("emits them at the reference's frames on at least 58 of 60 clips, elsewhere within one frame", () => {
    const moved = EVAL_CLIPS.map((clip) => {
      const { frames } = results.get(clip.file)!;
      return clip.reference_decode[precision].frames.map((frame, index) => Math.abs(frame - frames[index]!));
    });
    expect(moved.filter((distances) => Math.max(...distances) > 0).length).toBeLessThanOrEqual(2);
    expect(Math.max(...moved.flat())).toBeLessThanOrEqual(1);
  });

  test("gives token probabilities of the reference within 0.05 where the frames agree", () => {
    for (const clip of EVAL_CLIPS) {
      const { probabilities, frames } = results.get(clip.file)!;
      const reference = clip.reference_decode[precision];
      if (reference.frames.join() !== [...frames].join()) continue;
      for (const [index, confidence] of reference.confidence.entries()) {
        expect(Math.abs(confidence - probabilities[index]!)).toBeLessThan(0.05);
      }
    }
  });

  test("aligns every clip: its words follow one another and fill most of the time from the first to the last", async () => {
    const vocabulary = parseVocabulary(readFileSync((await demoBundle(precision)).vocabPath, "utf8"));
    for (const clip of EVAL_CLIPS) {
      const result = results.get(clip.file)!;
      expect(result.spans, clip.file).toBeDefined();
      const time = { startS: 0, frameS: clip.seconds / result.encodedFrames, hopS: 0.01 };
      const words = tokensToWords(result, vocabulary, time);
      expect(inSequence(words), clip.file).toEqual(words);
      const spokenS = words.reduce((sum, { start, end }) => sum + end - start, 0);
      expect(spokenS / (words.at(-1)!.end - words[0]!.start), clip.file).toBeGreaterThan(0.6);
    }
  });

  test.each([
    ["dev_festival_00.wav", "телефон"],
    ["dev_festival_02.wav", "железо"],
  ])("finds in %s the word that it misses, when it is named: %s", async (file, word) => {
    const { pieces } = parseVocabulary(readFileSync((await demoBundle(precision)).vocabPath, "utf8"));
    const textOf = ({ ids }: WindowResult): string =>
      [...ids]
        .map((id) => pieces[id])
        .join("")
        .replaceAll("▁", " ");
    const said = new RegExp(` ${word}[ ?.]`);
    expect(textOf(results.get(file)!)).not.toMatch(said);
    expect(textOf(await recognise(file, [{ text: word.toUpperCase(), boost: 3 }]))).toMatch(said);
  });

  test("names that are not said change nothing in 20 clips", async () => {
    const names = ["Кузьмин", "Габриэлян", "Чижиков", "Шостакович", "рекуператор", "Челябинск", "умная розетка"];
    const hotWords = names.map((text) => ({ text, boost: 3 }));
    for (const { file } of EVAL_CLIPS.slice(20, 40))
      expect([...(await recognise(file, hotWords)).ids]).toEqual([...results.get(file)!.ids]);
  });

  test("a word that is said is not said again and again at the highest boost", async () => {
    const { ids } = await recognise("dev_espeak_15.wav", [{ text: "пять", boost: 10 }]);
    expect(ids.length).toBeLessThan(results.get("dev_espeak_15.wav")!.ids.length + 4);
  });
});
