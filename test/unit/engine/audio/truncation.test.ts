import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AudioError } from "../../../../src/shared/audio-problem.ts";
import { decodeAll, refusal, type Decoded } from "./helpers.ts";

const FIXTURES = "test/fixtures/audio";
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(`${FIXTURES}/${file}`));

/** Every file says how long it is, so a cut anywhere must be told. */
const STRICT = [
  "tiny.wav",
  "16k.flac",
  "24bit-stereo-48k.flac",
  "pipe.flac",
  "index-first.m4a",
  "index-last.m4a",
  "alac.m4a",
  "opus.mp4",
  "opus.webm",
  "vorbis.webm",
  "aac.mka",
  "video.webm",
  "video.mp4",
];

/** Cuts between two pages or fragments, and the last two frames of an MP3, are not told. */
const ROUTINELY_CUT: ReadonlySet<string> = new Set(["20ms.opus", "cbr-16k.mp3", "fragmented.m4a"]);
const INDEX_LAST: ReadonlySet<string> = new Set(["index-last.m4a", "alac.m4a", "video.mp4", "opus.mp4"]);

describe("in strict mode a cut anywhere in a file that says its length is never a shorter transcript", () => {
  for (const file of STRICT) {
    it(file, async () => {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!.length;
      for (const end of cuts(bytes.length)) {
        const told = await refusal(bytes.subarray(0, end), { strict: true });
        if (told !== "no error") expect(told).toMatch(/^(invalid_audio|unsupported_media):/);
        // What a cut leaves whole may only be what follows the samples: an index of seek points, tags, padding.
        else expect((await decodeAll(bytes.subarray(0, end))).channels[0]).toHaveLength(whole);
      }
    });
  }

  it("MP3 with a Xing header, but for its last two frames", async () => {
    for (const file of ["cbr-16k.mp3", "vbr-16k.mp3", "stereo-44k.mp3"]) {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!.length;
      let worst = 0;
      for (const end of cuts(bytes.length)) {
        const told = await refusal(bytes.subarray(0, end), { strict: true });
        if (told !== "no error") expect(told).toMatch(/^(invalid_audio|unsupported_media: the body is text)/);
        else worst = Math.max(worst, whole - (await decodeAll(bytes.subarray(0, end))).channels[0]!.length);
      }
      expect(worst).toBeLessThanOrEqual(2 * 1152);
    }
  });

  it("Ogg, but for cuts between two pages", async () => {
    for (const file of ["20ms.opus", "vorbis-16k.ogg", "flac.oga"]) {
      const bytes = read(file);
      const starts = new Set<number>();
      for (let at = 0; (at = Buffer.from(bytes).indexOf("OggS", at, "latin1")) >= 0; at++) starts.add(at);
      for (const end of cuts(bytes.length)) {
        if (!starts.has(end))
          expect(await refusal(bytes.subarray(0, end), { strict: true })).toMatch(
            /^(invalid_audio|unsupported_media):/,
          );
      }
    }
  });

  it("fragmented MP4, but for cuts between two fragments", async () => {
    const bytes = read("fragmented.m4a");
    const ends = new Set<number>();
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += view.getUint32(at)) ends.add(at);
    for (const end of cuts(bytes.length)) {
      if (!ends.has(end))
        expect(await refusal(bytes.subarray(0, end), { strict: true })).toMatch(/^(invalid_audio|unsupported_media):/);
    }
  });
});

describe("a cut file gives what it has, with a warning", () => {
  for (const file of [...STRICT, "20ms.opus", "cbr-16k.mp3", "fragmented.m4a"]) {
    // Without the index, which is cut off first, such a file cannot be read.
    if (INDEX_LAST.has(file)) continue;
    it(`gives what ${file} has up to the cut`, async () => {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!;
      let most = 0;
      for (const end of cuts(bytes.length, 9)) {
        const part = bytes.subarray(0, end);
        const decoded = await decodeAll(part).catch((error: unknown) => error);
        if (decoded instanceof AudioError) continue; // nothing that could be decoded came before the cut
        const { channels, warnings } = decoded as Decoded;
        const samples = channels[0]!;
        expect(samples.length).toBeLessThanOrEqual(whole.length);
        expect(samples).toEqual(whole.subarray(0, samples.length));
        const isStrictly = samples.length < whole.length && !ROUTINELY_CUT.has(file);
        if (isStrictly) expect(warnings.map(({ code }) => code)).toEqual(["truncated"]);
        most = Math.max(most, samples.length);
      }
      expect(most).toBeGreaterThan(whole.length * 0.8);
    });
  }

  it("a FLAC frame that is damaged becomes silence of its length", async () => {
    const bytes = read("16k.flac");
    const whole = (await decodeAll(bytes)).channels[0]!;
    for (const share of [0.3, 0.5, 0.7]) {
      const broken = bytes.slice();
      broken[Math.floor(broken.length * share)]! ^= 0x10;
      const { channels, warnings } = await decodeAll(broken);
      expect(channels[0]).toHaveLength(whole.length);
      expect(warnings.map(({ code }) => code)).toEqual(["damaged"]);
      const same = channels[0]!.reduce((count, value, i) => count + (value === whole[i] ? 1 : 0), 0);
      expect(same).toBeGreaterThan(whole.length * 0.5);
      expect(await refusal(broken, { strict: true })).toContain("invalid_audio");
    }
  });
});

describe("streams that are routinely cut", () => {
  it("MP3 and AAC frames without a header lose no more than the cut frame", async () => {
    for (const [file, frame] of [
      ["no-header.mp3", 576],
      ["adts.aac", 1024],
    ] as const) {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!.length;
      for (const share of [0.3, 0.5, 0.77, 0.99]) {
        const { channels } = await decodeAll(bytes.subarray(0, Math.floor(bytes.length * share)));
        expect(channels[0]!.length).toBeGreaterThan(whole * share - 4 * frame);
      }
    }
  });

  it("MP3 and AAC cut out of the middle play from their first whole frame", async () => {
    for (const file of ["no-header.mp3", "adts.aac"]) {
      const { channels } = await decodeAll(read(file).subarray(1234));
      expect(channels[0]!.length).toBeGreaterThan(20_000);
    }
  });

  it("Opus without its end-of-stream page is decoded as far as it goes", async () => {
    const bytes = Buffer.from(read("20ms.opus"));
    const last = bytes.lastIndexOf("OggS", undefined, "latin1");
    const whole = (await decodeAll(bytes)).channels[0]!.length;
    const { channels } = await decodeAll(new Uint8Array(bytes.subarray(0, last)));
    expect(channels[0]!.length).toBeGreaterThan(whole / 2);
    expect(channels[0]!.length).toBeLessThan(whole);
  });

  it("a tag or padding behind the last frame or page is not damage", async () => {
    const tag = new Uint8Array(128);
    tag.set([0x54, 0x41, 0x47]);
    for (const file of ["16k.flac", "cbr-16k.mp3", "20ms.opus", "adts.aac"]) {
      const bytes = read(file);
      const whole = (await decodeAll(bytes)).channels[0]!.length;
      const tagged = new Uint8Array(Buffer.concat([bytes, tag]));
      expect((await decodeAll(tagged)).channels[0]).toHaveLength(whole);
    }
  });
});

/** About forty places, the ends among them. */
function cuts(length: number, count = 37): number[] {
  const step = Math.max(1, Math.floor(length / count));
  const places = [1, 5, 13, 27, 43, length - 1, length - 2, length - 9];
  for (let at = step; at < length; at += step) places.push(at);
  return places.filter((at) => at > 0 && at < length);
}
