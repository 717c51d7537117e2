import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createResampler } from "../../../../src/engine/audio/resample/resample.ts";
import { decodeAll, inPieces, join, rms } from "./helpers.ts";
import type { Decoded } from "./helpers.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const FIXTURES = "test/fixtures/audio";
const CLIP = "test/fixtures/eval/dev_espeak_07.wav";

interface Expected {
  readonly file: string;
  readonly format: string;
  readonly rate: number;
  readonly channels?: number;
  /** Least correlation with the clip after alignment: what the codec costs. */
  readonly likeness: number;
  /** Latest start against the clip, where the file does not say its encoder's delay. */
  readonly lateMs?: number;
  /** Longer than the clip by at most this: padding that the file does not declare. */
  readonly paddingMs?: number;
}

const files: readonly Expected[] = [
  { file: "cbr-16k.mp3", format: "mp3", rate: 16_000, likeness: 0.995 },
  { file: "vbr-16k.mp3", format: "mp3", rate: 16_000, likeness: 0.995 },
  { file: "stereo-44k.mp3", format: "mp3", rate: 44_100, channels: 2, likeness: 0.995 },
  { file: "mpeg25-11k.mp3", format: "mp3", rate: 11_025, likeness: 0.98, paddingMs: 5 },
  { file: "cover.mp3", format: "mp3", rate: 16_000, likeness: 0.995 },
  { file: "no-header.mp3", format: "mp3", rate: 16_000, likeness: 0.995, lateMs: 36, paddingMs: 60 },
  { file: "layer2-48k.mp2", format: "mp2", rate: 48_000, likeness: 0.97 },
  { file: "16k.flac", format: "flac", rate: 16_000, likeness: 1 },
  { file: "pipe.flac", format: "flac", rate: 16_000, likeness: 1 },
  { file: "24bit-stereo-48k.flac", format: "flac", rate: 48_000, channels: 2, likeness: 0.999 },
  { file: "flac.oga", format: "ogg-flac", rate: 16_000, likeness: 1 },
  { file: "vorbis-16k.ogg", format: "ogg-vorbis", rate: 16_000, likeness: 0.99 },
  { file: "vorbis-stereo-48k.ogg", format: "ogg-vorbis", rate: 48_000, channels: 2, likeness: 0.99 },
  { file: "20ms.opus", format: "ogg-opus", rate: 48_000, likeness: 0.97 },
  { file: "60ms.opus", format: "ogg-opus", rate: 48_000, likeness: 0.97 },
  { file: "stereo.opus", format: "ogg-opus", rate: 48_000, channels: 2, likeness: 0.97 },
  { file: "surround.opus", format: "ogg-opus", rate: 48_000, channels: 6, likeness: 0.99 },
  { file: "opus.webm", format: "webm-opus", rate: 48_000, likeness: 0.97 },
  { file: "live.webm", format: "webm-opus", rate: 48_000, likeness: 0.97 },
  { file: "video.webm", format: "webm-opus", rate: 48_000, likeness: 0.97 },
  { file: "vorbis.webm", format: "webm-vorbis", rate: 16_000, likeness: 0.99, paddingMs: 20 },
  { file: "aac.mka", format: "matroska-aac", rate: 16_000, likeness: 0.99, paddingMs: 60 },
  { file: "flac.mka", format: "matroska-flac", rate: 16_000, likeness: 1 },
  { file: "mp3.mka", format: "matroska-mp3", rate: 16_000, likeness: 0.995, lateMs: 36, paddingMs: 40 },
  { file: "pcm-8k.mka", format: "matroska-pcm", rate: 8000, likeness: 0.98 },
  { file: "amr-nb.amr", format: "amr-nb", rate: 8000, likeness: 0.85, lateMs: 5, paddingMs: 20 },
  { file: "amr-nb.3gp", format: "mp4-amr-nb", rate: 8000, likeness: 0.85, lateMs: 5, paddingMs: 20 },
  { file: "amr-wb.awb", format: "amr-wb", rate: 16_000, likeness: 0.85, lateMs: 5, paddingMs: 20 },
  { file: "gsm.gsm", format: "gsm", rate: 8000, likeness: 0.9 },
  { file: "gsm.wav", format: "wav-gsm-wav", rate: 8000, likeness: 0.9 },
  { file: "g722.wav", format: "wav-g-722", rate: 16_000, likeness: 0.98 },
  { file: "g726.wav", format: "wav-g-726", rate: 8000, likeness: 0.9 },
  { file: "speex.ogg", format: "ogg-speex", rate: 8000, likeness: 0.8, lateMs: 10 },
  { file: "ac3.ac3", format: "ac-3", rate: 48_000, likeness: 0.97, lateMs: 6, paddingMs: 40 },
  { file: "eac3.mp4", format: "mp4-e-ac-3", rate: 48_000, likeness: 0.97, paddingMs: 40 },
  { file: "wma1.wma", format: "asf-wma1", rate: 22_050, likeness: 0.95, lateMs: 46, paddingMs: 120 },
  { file: "wma2.wma", format: "asf-wma2", rate: 16_000, likeness: 0.95, lateMs: 32, paddingMs: 120 },
  { file: "aac.m2t", format: "ts-aac", rate: 16_000, likeness: 0.93, lateMs: 65, paddingMs: 140 },
  { file: "mp2.m2t", format: "ts-mp2", rate: 48_000, likeness: 0.97, lateMs: 10, paddingMs: 30 },
  { file: "latm.loas", format: "aac-latm", rate: 16_000, likeness: 0.93, paddingMs: 70 },
  { file: "ima4.mov", format: "mp4-ima4", rate: 22_050, channels: 2, likeness: 0.98 },
  { file: "adts.aac", format: "aac", rate: 16_000, likeness: 0.99, paddingMs: 60 },
  { file: "index-last.m4a", format: "mp4-aac", rate: 16_000, likeness: 0.99 },
  { file: "index-first.m4a", format: "mp4-aac", rate: 16_000, likeness: 0.99 },
  { file: "fragmented.m4a", format: "mp4-aac", rate: 16_000, likeness: 0.99, paddingMs: 60 },
  { file: "stereo-48k.m4a", format: "mp4-aac", rate: 48_000, channels: 2, likeness: 0.94 },
  { file: "quicktime.mov", format: "mp4-aac", rate: 16_000, likeness: 0.99 },
  { file: "video.mp4", format: "mp4-aac", rate: 16_000, likeness: 0.99 },
  { file: "alac.m4a", format: "mp4-alac", rate: 16_000, likeness: 1 },
  { file: "flac.mp4", format: "mp4-flac", rate: 16_000, likeness: 1 },
  { file: "mp3.mp4", format: "mp4-mp3", rate: 16_000, likeness: 0.995 },
  { file: "opus.mp4", format: "mp4-opus", rate: 48_000, likeness: 0.97 },
];

let clip: Float32Array;
beforeAll(async () => {
  clip = (await decodeAll(readFileSync(CLIP))).channels[0]!;
});

describe("decoded audio against the clip it was made from", () => {
  for (const { file, format, rate, channels = 1, likeness, lateMs = 0, paddingMs = 0 } of files) {
    it(`${file} is whole, in time and alike`, async () => {
      const decoded = await decodeAll(readFileSync(`${FIXTURES}/${file}`));
      expect(decoded).toMatchObject({ format, sampleRateHz: rate });
      expect(decoded.channels).toHaveLength(channels);
      const audio = at16kHz(decoded, 0);

      const longerMs = (audio.length - clip.length) / 16;
      // An MP2 encoder pads nothing: the last 3 ms stay in the decoder's filter.
      expect(longerMs).toBeGreaterThan(format === "mp2" ? -3 : -1);
      expect(longerMs).toBeLessThan(paddingMs + lateMs + 8);
      if (decoded.totalS !== undefined) expect(Math.abs(decoded.totalS - clip.length / 16_000)).toBeLessThan(0.12);

      const { lag, correlation } = align(audio, clip);
      expect(lag / 16).toBeGreaterThan(lateMs - 2);
      expect(lag / 16).toBeLessThan(lateMs + 2);
      expect(correlation).toBeGreaterThan(likeness - 1e-6);
    });
  }

  it("lossless codecs give the very samples", async () => {
    for (const file of ["16k.flac", "pipe.flac", "flac.oga", "flac.mka", "flac.mp4", "alac.m4a"]) {
      expect((await decodeAll(readFileSync(`${FIXTURES}/${file}`))).channels[0]).toEqual(clip);
    }
  });

  it("channels stay apart: the right one is the left one 6 dB down", async () => {
    for (const file of [
      "24bit-stereo-48k.flac",
      "stereo-44k.mp3",
      "vorbis-stereo-48k.ogg",
      "stereo-48k.m4a",
      "stereo.opus",
    ]) {
      const { channels } = await decodeAll(readFileSync(`${FIXTURES}/${file}`));
      expect(20 * Math.log10(rms(channels[0]!) / rms(channels[1]!))).toSatisfy(
        (level: number) => Math.abs(level - 6) < 0.7,
      );
    }
  });

  it("joins the streams of a chain", async () => {
    const decoded = await decodeAll(readFileSync(`${FIXTURES}/chain.opus`));
    const audio = at16kHz(decoded, 0);
    expect(audio.length).toBe(2 * clip.length);
    const second = align(audio.subarray(clip.length), clip);
    expect(Math.abs(second.lag)).toBeLessThan(16);
    expect(second.correlation).toBeGreaterThan(0.97);
  });

  it("two MP3 files in one are decoded to the end of the second", async () => {
    const file = readFileSync(`${FIXTURES}/cbr-16k.mp3`);
    const decoded = await decodeAll(new Uint8Array(Buffer.concat([file, file])));
    const tail = decoded.channels[0]!.subarray(clip.length);
    expect(tail.length).toBeGreaterThanOrEqual(clip.length);
    expect(align(tail.subarray(tail.length - clip.length), clip, 3000).correlation).toBeGreaterThan(0.99);
  });
});

describe("any split of the bytes gives the same samples", () => {
  for (const { file } of [...files, { file: "chain.opus" }]) {
    it(file, async () => {
      const bytes = readFileSync(`${FIXTURES}/${file}`);
      const whole = digest(await decodeAll(bytes));
      if (bytes.length < 14_000) expect(digest(await decodeAll(inPieces(bytes, 1)))).toBe(whole);
      const sizes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(sizes, async (split) => {
          expect(digest(await decodeAll(inPieces(bytes, ...split)))).toBe(whole);
        }),
        fuzzRuns(3, { quick: 3 }),
      );
    });
  }
});

// ---

function at16kHz({ channels, sampleRateHz }: Decoded, channel: number): Float32Array {
  const resampler = createResampler(sampleRateHz, 16_000);
  return join([resampler.push(channels[channel]!), resampler.flush()]);
}

function digest({ channels, ...rest }: Decoded): string {
  const hash = createHash("sha256").update(JSON.stringify(rest));
  for (const samples of channels) hash.update(samples);
  return hash.digest("hex");
}

/** The shift (in samples, positive = late) at which `audio` is most like `reference`, and how alike it is there. */
function align(audio: Float32Array, reference: Float32Array, range = 1200): { lag: number; correlation: number } {
  let best = { lag: 0, correlation: -1 };
  const coarse = (lag: number, step: number): void => {
    let xy = 0;
    let xx = 0;
    let yy = 0;
    for (let i = range; i < reference.length - range; i += step) {
      const x = reference[i]!;
      const y = audio[i + lag] ?? 0;
      xy += x * y;
      xx += x * x;
      yy += y * y;
    }
    const correlation = xy / Math.sqrt(xx * yy + 1e-20);
    if (correlation > best.correlation) best = { lag, correlation };
  };
  for (let lag = -range; lag <= range; lag++) coarse(lag, 7);
  best = { lag: best.lag, correlation: -1 };
  coarse(best.lag, 1);
  return best;
}
