import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { AudioError } from "../../../../src/shared/audio-problem.ts";
import { inPieces } from "./helpers.ts";
import { createRandom, mutate, repairFlac, repairOgg } from "./mutations.ts";
import { SEED, fuzzCases } from "../../../support/fuzz.ts";

const FILES = [
  "tiny.wav",
  "tiny.mp3",
  "tiny.flac",
  "tiny.ogg",
  "tiny.opus",
  "tiny.m4a",
  "tiny-fragmented.m4a",
  "tiny-alac.m4a",
  "tiny.aac",
  "tiny.webm",
  "tiny-vorbis.webm",
  "adpcm_ima_wav.wav",
  "adpcm_ms-stereo.wav",
  "mp3.wav",
  "pcm_s24be.mov",
  "hybrid.m4a",
  "delay.mkv",
  "pcm_s24be.aiff",
  "ima4.aiff",
  "pcm_mulaw.au",
  "pcm.caf",
  "alac.caf",
  "ima4-stereo.caf",
  "opus.caf",
  "pcm.w64",
  "amr-nb.amr",
  "amr-wb.awb",
  "amr-nb.3gp",
  "gsm.gsm",
  "gsm.wav",
  "g726.wav",
  "g723_1.wav",
  "speex.ogg",
  "ac3.ac3",
  "eac3.eac3",
  "wma1.wma",
  "wma2.wma",
  "aac.m2t",
  "ac3.m2t",
  "latm.loas",
  "he-aac.m4a",
  "ima4.mov",
  "vorbis.mp4",
];
/** Mutations of each file. */
const CASES = fuzzCases(20_000, { quick: 10, sample: 100 });
const CODES: ReadonlySet<string> = new Set(["empty_body", "unsupported_media", "invalid_audio", "audio_too_long"]);
/** Processor time, so that a busy machine does not fail the test. */
const MAX_CASE_CPU_MS = 2000;
/** A file takes 20 ms, a hostile one more. */
const TEST_TIMEOUT_MS = 120_000 + CASES * 120;
const MAX_GROWTH_BYTES = 96 * 2 ** 20;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Many small frames, each with its own checksum: some of them are always whole. */
const ALWAYS_AUDIO = new Set(["eac3.eac3"]);

describe("mutated files", () => {
  for (const [index, file] of FILES.entries()) {
    it(
      `${file}: every mutation is audio or a coded refusal, soon, in bounded memory and without a word on the console`,
      async () => {
        const print = vi.spyOn(console, "error");
        const original = new Uint8Array(readFileSync(`test/fixtures/audio/${file}`));
        const repair = repairOf(file, original);
        await outcome(original, 1);
        const before = await collectedBytes();
        const counts: Record<string, number> = {};

        for (let i = 0; i < CASES; i++) {
          const seed = SEED + 1_000_003 * (index + 1) + i;
          const random = createRandom(seed);
          const mutated = mutate(original, random);
          const bytes = random(4) === 0 ? mutated : repair(mutated);
          const start = process.cpuUsage();
          const code = await outcome(bytes, seed);
          const { user, system } = process.cpuUsage(start);
          expect((user + system) / 1000, `${file}, seed ${seed}: too slow`).toBeLessThan(MAX_CASE_CPU_MS);
          counts[code] = (counts[code] ?? 0) + 1;
        }

        expect((await collectedBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
        expect(print).not.toHaveBeenCalled();
        // Both ends must be met, or the mutations prove nothing.
        if (process.env["TEST_FUZZ_SHOW"]) console.log(file, counts);
        const ends = ["audio", ...(ALWAYS_AUDIO.has(file) ? [] : ["invalid_audio"])];
        if (CASES >= 100) expect(Object.keys(counts)).toEqual(expect.arrayContaining(ends));
      },
      TEST_TIMEOUT_MS,
    );
  }
});

/** Puts checksums right, so that most changes get past them. */
function repairOf(file: string, original: Uint8Array): (mutated: Uint8Array) => Uint8Array {
  if (file.endsWith(".ogg") || file.endsWith(".opus")) return repairOgg;
  if (file.endsWith(".flac")) return (mutated) => repairFlac(mutated, original);
  return (mutated) => mutated;
}

/** `audio`, or the code of the refusal; anything else fails the test. */
async function outcome(bytes: Uint8Array, seed: number): Promise<string> {
  const signal = new AbortController().signal;
  try {
    const audio = await decodeAudio(inPieces(bytes, 700), { maxDurationMs: 60_000, signal });
    for await (const block of audio.blocks) {
      for (const samples of block.channels) {
        if (samples.length < 1 || samples.length > 65_536) throw new Error(`seed ${seed}: block of ${samples.length}`);
        for (const value of samples) if (!(value >= -1 && value <= 1)) throw new Error(`seed ${seed}: sample ${value}`);
      }
    }
    return "audio";
  } catch (error) {
    if (error instanceof AudioError && CODES.has(error.code)) return error.code;
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

/** What is still held once finalizers have run: WebAssembly memories are let go a turn or two after they became garbage. */
async function collectedBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void; // what the flag adds
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 6; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
