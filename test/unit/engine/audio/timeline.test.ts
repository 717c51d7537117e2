import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { readLanes } from "../../../../src/engine/audio/lanes.ts";
import type { DecodeOptions } from "../../../../src/engine/audio/types.ts";
import { concat, decodeAll, inPieces, join, refusal, rms } from "./helpers.ts";

const read = (file: string): Buffer => readFileSync(`test/fixtures/audio/${file}`);
const clip = samplesOf("dev_espeak_07");
const other = samplesOf("dev_festival_03");
const RATE = 16_000;

describe("when something is heard is when the file says it", () => {
  for (const [file, delayS] of [
    ["delay.mp4", 1.2],
    ["delay.mkv", 1.2],
  ] as const) {
    test(`a track that begins later than its video keeps its delay: ${file}`, async () => {
      const audio = await monoOf(read(file));
      expect(rms(audio.subarray(0, (delayS - 0.05) * RATE))).toBeLessThan(1e-3);
      expect(Math.abs(lagOf(audio, clip) - delayS * RATE)).toBeLessThan(0.025 * RATE);
    });
  }

  for (const file of ["gap.m4a", "gap.webm"]) {
    test(`a pause that a recorder left out is silence again: ${file}`, async () => {
      const audio = await monoOf(read(file));
      const half = 0.7 * RATE;
      expect(Math.abs(lagOf(audio, clip.subarray(0, half)))).toBeLessThan(16);
      const tail = clip.subarray(1 * RATE);
      expect(Math.abs(lagOf(audio, tail) - 3 * RATE)).toBeLessThan(0.025 * RATE);
      expect(rms(audio.subarray(1.1 * RATE, 2.6 * RATE))).toBeLessThan(1e-3);
    });
  }

  test("samples of the index and of the fragments behind it are all there, in order", async () => {
    const audio = await monoOf(read("hybrid.m4a"));
    expect(audio.length).toBeGreaterThan(clip.length);
    expect(Math.abs(lagOf(audio, clip))).toBeLessThan(16);
  });
});

describe("streams that were joined", () => {
  const kinds = [
    ["MP3", ["cbr-16k.mp3", "stereo-44k.mp3", "mpeg25-11k.mp3", "no-header.mp3"]],
    ["AAC", ["adts.aac", "tiny.aac"]],
    ["Ogg", ["20ms.opus", "vorbis-16k.ogg", "stereo.opus", "vorbis-stereo-48k.ogg"]],
    ["WAV", ["tiny.wav"]],
  ] as const;
  for (const [kind, files] of kinds) {
    test(`${kind}: all of them are read, whatever their rates and channels`, async () => {
      let length = 0;
      const bytes: Buffer[] = [];
      for (const file of [...files, files[0]]) {
        bytes.push(read(file));
        length += (await monoOf(read(file))).length;
      }
      const joined = await monoOf(concat(...bytes));
      expect(Math.abs(joined.length - length) / RATE).toBeLessThan(0.05 * bytes.length);
    });
  }

  test("each part of a join is where it belongs and at its level", async () => {
    const first = await monoOf(read("cbr-16k.mp3"));
    const joined = await monoOf(concat(read("cbr-16k.mp3"), read("stereo-44k.mp3")));
    expect(Math.abs(lagOf(joined, clip))).toBeLessThan(40);
    const second = await monoOf(read("stereo-44k.mp3"));
    expect(Math.abs(lagOf(joined.subarray(first.length), second))).toBeLessThan(40);
    expect(rms(joined.subarray(first.length)) / rms(second)).toBeCloseTo(1, 1);
  });
});

describe("several audio tracks", () => {
  for (const file of ["two-tracks.mp4", "two-tracks.mkv"]) {
    test(`the default one is read, or the one that is asked for: ${file}`, async () => {
      const isOf = async (options: Partial<DecodeOptions>, wanted: Float32Array): Promise<void> => {
        const audio = await monoOf(read(file), options);
        expect(Math.abs(lagOf(audio, wanted.subarray(0, RATE)))).toBeLessThan(40);
      };
      await isOf({}, other);
      await isOf({ track: "0" }, clip);
      await isOf({ track: "1" }, other);
      for (const track of ["eng", "en", "EN-us"]) await isOf({ track }, clip);
      for (const track of ["rus", "ru"]) await isOf({ track }, other);
      for (const track of ["deu", "2"]) {
        expect(await refusal(read(file), { track })).toContain(
          `there is no audio track ${track}, the file has 0 (eng), 1 (rus): choose one with track=`,
        );
      }
    });
  }

  test("one that cannot be decoded does not hide another", async () => {
    const bytes = read("two-tracks.mp4");
    // Both sample entries are found by their names; the default one becomes Apple's spatial audio.
    bytes.write("apac", bytes.lastIndexOf("mp4a", undefined, "latin1"), "latin1");
    const audio = await monoOf(bytes);
    expect(Math.abs(lagOf(audio, clip.subarray(0, RATE)))).toBeLessThan(40);
    expect(await refusal(bytes, { track: "rus" })).toContain(
      "MP4: APAC (Apple Positional Audio) is not supported: convert it with ffmpeg -i FILE",
    );
  });
});

describe("PCM in other containers", () => {
  const reference = ["pcm_s16le.mov", "pcm_s16be.mov", "pcm_s16be.mka", "pcm_s24be.mov", "pcm_s24le.mka"];
  for (const [file, likeness] of [
    ...[...reference, "pcm_s32le.mov", "pcm_f32be.mov", "pcm_f64le.mov"].map((name) => [name, 1e-4] as const),
    ...["pcm_u8.mov", "pcm_alaw.mov", "pcm_mulaw.mov", "pcm_alaw.mka"].map((name) => [name, 0.03] as const),
  ]) {
    test(`${file} holds the same samples as all of them`, async () => {
      const wanted = (await decodeAll(read("pcm_s16le.mov"))).channels[0]!;
      const { channels, sampleRateHz } = await decodeAll(read(file));
      expect(sampleRateHz).toBe(8000);
      expect(channels[0]).toHaveLength(2400);
      const worst = channels[0]!.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
      expect(worst).toBeLessThan(likeness);
    });
  }
});

describe("codecs in WAV", () => {
  // SHA-256 of what ffmpeg decodes, as interleaved 16-bit samples.
  for (const [file, hash] of [
    ["adpcm_ima_wav.wav", "4d68c72dede520a526b208f6b9c541178109499c29b0fc7417bac409f747c18f"],
    ["adpcm_ima_wav-stereo.wav", "14a5d8cfa86f9e38ce9b466957007572ab06a60b721dc23cce7105e775a2aecb"],
    ["adpcm_ms.wav", "e137a6af9dd7fce8cb9bb5ce95c1b33f8b961020db13c2d2da4d8b093cfc3e36"],
    ["adpcm_ms-stereo.wav", "6df0a527d89e6dd4b54630d6b1f3813906232ecde3fc3fafe0b0a20656131dfe"],
  ] as const) {
    test(`${file} gives the very samples that ffmpeg gives`, async () => {
      const { channels, warnings } = await decodeAll(read(file));
      const samples = Buffer.alloc(channels.length * channels[0]!.length * 2);
      channels[0]!.forEach((_, i) =>
        channels.forEach((channel, c) => samples.writeInt16LE(channel[i]! * 32_768, 2 * (i * channels.length + c))),
      );
      expect(createHash("sha256").update(samples).digest("hex")).toBe(hash);
      expect(warnings).toEqual([]);
    });
  }

  test("a header that says too few or too many bytes of ADPCM loses no block", async () => {
    const whole = (await decodeAll(read("adpcm_ima_wav.wav"))).channels[0]!;
    for (const declared of [1024, 5000]) {
      const bytes = read("adpcm_ima_wav.wav");
      bytes.writeUInt32LE(declared, bytes.indexOf("data") + 4);
      const { channels, warnings } = await decodeAll(bytes);
      expect(channels[0]!.length).toBeGreaterThanOrEqual(whole.length - 2);
      expect(channels[0]!.subarray(0, 4000)).toEqual(whole.subarray(0, 4000));
      if (declared === 1024) expect(warnings.map(({ code }) => code)).toEqual(["wrong_header"]);
    }
    const cut = await decodeAll(read("adpcm_ima_wav.wav").subarray(0, -300));
    expect(cut.warnings.map(({ code }) => code)).toEqual(["truncated"]);
  });

  test("mp3.wav is the MP3 that is in it", async () => {
    expect(Math.abs(lagOf(await monoOf(read("mp3.wav")), clip.subarray(0, 0.4 * RATE)))).toBeLessThan(1200);
  });

  test("others are named, with the command that converts them", async () => {
    const bytes = read("adpcm_ima_wav.wav");
    for (const [tag, name] of [
      [0x40, "G.721 ADPCM"],
      [0x2001, "DTS"],
      [0xf1ac, "FLAC in WAV"],
    ] as const) {
      bytes.writeUInt16LE(tag, 20);
      expect(await refusal(bytes)).toBe(
        `invalid_audio: WAV: ${name} is not supported: convert it with ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav`,
      );
    }
  });
});

describe("MP4 by other beginnings", () => {
  test("a file without its type box is recognised by the box it begins with", async () => {
    for (const file of ["index-first.m4a", "index-last.m4a", "pcm_s16le.mov"]) {
      const bytes = read(file);
      // Offsets in the index stay right when the type box becomes an empty one of another name.
      bytes.write("free", 4, "latin1");
      expect((await decodeAll(bytes)).channels[0]!.length).toBeGreaterThan(2000);
    }
    const fragmented = read("fragmented.m4a");
    const bare = fragmented.subarray(fragmented.readUInt32BE(0));
    expect((await decodeAll(bare)).channels[0]!.length).toBeGreaterThan(20_000);
  });
});

// ---

function samplesOf(name: string): Float32Array {
  const wav = readFileSync(`test/fixtures/eval/${name}.wav`).subarray(44);
  return Float32Array.from({ length: wav.length >> 1 }, (_, i) => wav.readInt16LE(2 * i) / 32768);
}

async function monoOf(bytes: Uint8Array, options: Partial<DecodeOptions> = {}): Promise<Float32Array> {
  const audio = await decodeAudio(inPieces(bytes, 5000), {
    maxDurationMs: 600_000,
    signal: new AbortController().signal,
    ...options,
  });
  const parts: Float32Array[] = [];
  for await (const [part] of readLanes(audio, { sampleRateHz: RATE, split: false })) parts.push(part!);
  return join(parts);
}

/** Where in `audio` the reference lies, in samples: the shift with the largest correlation. */
function lagOf(audio: Float32Array, reference: Float32Array): number {
  const score = (lag: number, step: number): number => {
    let product = 0;
    let energy = 1e-9;
    for (let i = 0; i < reference.length; i += step) {
      const value = audio[i + lag] ?? 0;
      product += value * reference[i]!;
      energy += value * value;
    }
    return product / Math.sqrt(energy);
  };
  let best = { lag: 0, score: -1 };
  const search = (from: number, to: number, by: number, step: number): void => {
    for (let lag = from; lag <= to; lag += by) {
      const found = score(lag, step);
      if (found > best.score) best = { lag, score: found };
    }
  };
  search(-400, Math.max(400, audio.length - reference.length + 400), 4, 11);
  const { lag } = best;
  best = { lag, score: -1 };
  search(lag - 8, lag + 8, 1, 1);
  return best.lag;
}
