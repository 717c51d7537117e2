import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { concat, decodeAll, inPieces, latin1, refusal, tone, u16, u32 } from "./helpers.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

interface Shape {
  readonly tag: number;
  readonly bits: number;
  readonly channelCount?: number;
  readonly sampleRateHz?: number;
  readonly blockAlign?: number;
}

function fmt({ tag, bits, channelCount = 1, sampleRateHz = 16_000, blockAlign }: Shape): Uint8Array {
  const align = blockAlign ?? (channelCount * bits) / 8;
  const body = concat(u16(tag), u16(channelCount), u32(sampleRateHz), u32(sampleRateHz * align), u16(align), u16(bits));
  return concat("fmt ", u32(body.length), body);
}

function chunk(id: string, body: Uint8Array, declared = body.length): Uint8Array {
  return concat(id, u32(declared), body, new Uint8Array(body.length & 1));
}

function riff(...chunks: Uint8Array[]): Uint8Array {
  const body = concat(...chunks);
  return concat("RIFF", u32(body.length + 4), "WAVE", body);
}

const EXTENSIBLE_TAIL = Uint8Array.of(0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71);
const PCM16 = { tag: 1, bits: 16 };
const wave = tone(440, 16_000, 500);

function encode(samples: Float32Array, write: (view: DataView, at: number, value: number) => void, size: number) {
  const bytes = new Uint8Array(samples.length * size);
  const view = new DataView(bytes.buffer);
  samples.forEach((value, i) => write(view, i * size, value));
  return bytes;
}

const s16 = encode(wave, (view, at, value) => view.setInt16(at, Math.round(value * 32767), true), 2);

describe("WAV sample formats", () => {
  const cases: readonly [string, Shape, Uint8Array, number][] = [
    ["8 bit", { tag: 1, bits: 8 }, encode(wave, (v, at, x) => v.setUint8(at, Math.round(x * 127) + 128), 1), 0.01],
    ["16 bit", PCM16, s16, 1e-4],
    [
      "24 bit",
      { tag: 1, bits: 24 },
      encode(
        wave,
        (v, at, x) => {
          const value = Math.round(x * 8388607);
          v.setUint16(at, value & 0xffff, true);
          v.setInt8(at + 2, value >> 16);
        },
        3,
      ),
      1e-6,
    ],
    [
      "32 bit",
      { tag: 1, bits: 32 },
      encode(wave, (v, at, x) => v.setInt32(at, Math.round(x * 2147483647), true), 4),
      1e-6,
    ],
    ["32 bit float", { tag: 3, bits: 32 }, encode(wave, (v, at, x) => v.setFloat32(at, x, true), 4), 0],
    ["64 bit float", { tag: 3, bits: 64 }, encode(wave, (v, at, x) => v.setFloat64(at, x, true), 8), 0],
  ];
  for (const [name, shape, data, tolerance] of cases) {
    it(`reads ${name}`, async () => {
      const { channels, format, sampleRateHz, totalS } = await decodeAll(riff(fmt(shape), chunk("data", data)));
      expect({ format, sampleRateHz, totalS }).toEqual({ format: "wav", sampleRateHz: 16_000, totalS: 500 / 16_000 });
      expect(channels[0]).toHaveLength(500);
      const worst = Math.max(...channels[0]!.map((value, i) => Math.abs(value - wave[i]!)));
      expect(worst).toBeLessThanOrEqual(tolerance);
    });
  }

  it("reads A-law and µ-law", async () => {
    const aLaw = await decodeAll(riff(fmt({ tag: 6, bits: 8 }), chunk("data", Uint8Array.of(0xd5, 0x2a))));
    expect(aLaw.channels[0]).toEqual(Float32Array.of(8 / 32768, -32256 / 32768));
    const muLaw = await decodeAll(riff(fmt({ tag: 7, bits: 8 }), chunk("data", Uint8Array.of(0xff, 0x00))));
    expect(muLaw.channels[0]![1]).toBe(-32124 / 32768);
  });

  it("reads WAVE_FORMAT_EXTENSIBLE, also with 24 valid bits in 32", async () => {
    const body = concat(fmt({ tag: 0xfffe, bits: 32 }).subarray(8), u16(22), u16(24), u32(4), u16(1), EXTENSIBLE_TAIL);
    const data = concat(u32(0x40000000), u32(0xc0000000));
    const { channels } = await decodeAll(riff(chunk("fmt ", body), chunk("data", data)));
    expect(channels[0]).toEqual(Float32Array.of(0.5, -0.5));
  });

  it("keeps channels apart, up to 64", async () => {
    const frame = Array.from({ length: 64 }, (_, i) => i);
    const data = concat(...[...frame, ...frame].map(u16));
    const { channels } = await decodeAll(riff(fmt({ ...PCM16, channelCount: 64 }), chunk("data", data)));
    expect(channels.map((samples) => [...samples])).toEqual(frame.map((i) => [i / 32768, i / 32768]));
  });

  it("turns NaN into silence and clips what is beyond full scale", async () => {
    const values = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -3, 1e30, 0.25);
    const wav = riff(fmt({ tag: 3, bits: 32 }), chunk("data", new Uint8Array(values.buffer)));
    expect((await decodeAll(wav)).channels[0]).toEqual(Float32Array.of(0, 1, -1, 1, 0.25));
  });
});

describe("WAV structure", () => {
  it("decodes the same samples for any split of the bytes", async () => {
    const file = readFileSync("test/fixtures/eval/dev_espeak_07.wav");
    const whole = (await decodeAll(file)).channels[0]!;
    expect(whole).toHaveLength((file.length - 44) / 2);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        expect((await decodeAll(inPieces(file, ...sizes))).channels[0]).toEqual(whole);
      }),
      fuzzRuns(10, { quick: 10 }),
    );
    expect((await decodeAll(inPieces(file, 1))).channels[0]).toEqual(whole);
  });

  it("skips chunks it does not know, odd ones with their pad byte, before and after the samples", async () => {
    const junk = chunk("JUNK", new Uint8Array(333));
    const wav = riff(junk, fmt(PCM16), chunk("LIST", latin1("INFOx")), chunk("data", s16), chunk("id3 ", s16));
    expect((await decodeAll(wav)).channels[0]).toHaveLength(500);
    expect((await decodeAll(inPieces(wav, 1))).channels[0]).toHaveLength(500);
  });

  it("reads RF64 and BW64 with the length in ds64", async () => {
    for (const id of ["RF64", "BW64"]) {
      const ds64 = chunk("ds64", concat(u32(0), u32(0), u32(1000), u32(0), u32(500), u32(0), u32(0)));
      const wav = concat(id, u32(0xffffffff), "WAVE", ds64, fmt(PCM16), "data", u32(0xffffffff), s16);
      const { channels, totalS } = await decodeAll(wav);
      expect(channels[0]).toHaveLength(500);
      expect(totalS).toBe(500 / 16_000);
    }
  });

  it("reads to the end when a writer to a pipe left the length open", async () => {
    for (const open of [0, 0x7ffff000, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const wav = concat("RIFF", u32(open + 36), "WAVE", fmt(PCM16), "data", u32(open), s16);
      const { channels, totalS } = await decodeAll(wav);
      expect(channels[0]).toHaveLength(500);
      expect(totalS).toBeUndefined();
    }
  });

  it("does not take the chunks after an empty data chunk for samples", async () => {
    const wav = riff(fmt(PCM16), chunk("data", new Uint8Array(0)), chunk("LIST", s16));
    expect(await refusal(wav)).toContain("invalid_audio: WAV: the file ends before its data chunk");
  });

  it("drops a last frame that is not whole although the header counts it", async () => {
    const wav = riff(fmt({ ...PCM16, channelCount: 2 }), chunk("data", s16.subarray(0, 7)));
    expect((await decodeAll(wav)).channels.map((samples) => samples.length)).toEqual([1, 1]);
  });
});

describe("bad WAV", () => {
  const data = chunk("data", s16);
  const bad: readonly [string, Uint8Array, string][] = [
    ["RIFF and nothing else", latin1("RIFF"), "invalid_audio: WAV: the file ends inside its first 12 bytes"],
    ["a header without chunks", riff(), "invalid_audio: WAV: the file ends before its fmt chunk"],
    ["no data chunk", riff(fmt(PCM16)), "invalid_audio: WAV: the file ends before its data chunk"],
    ["samples before their format", riff(data, fmt(PCM16)), "invalid_audio: WAV: the data chunk comes before the fmt"],
    ["no samples", riff(fmt(PCM16), chunk("data", new Uint8Array(0))), "invalid_audio: wav: the file has no samples"],
    [
      "a fmt chunk cut short",
      riff(chunk("fmt ", new Uint8Array(10)), data),
      "invalid_audio: WAV: the fmt chunk must be",
    ],
    [
      "a file that ends inside its fmt chunk",
      riff(fmt(PCM16)).subarray(0, 30),
      "invalid_audio: WAV: the fmt chunk must",
    ],
    [
      "a file that ends inside a skipped chunk",
      riff(chunk("JUNK", s16, 5000)),
      "invalid_audio: WAV: the file ends inside",
    ],
    ["a chunk of 2 GB before the samples", riff(chunk("JUNK", s16, 2e9)), "invalid_audio: WAV: the chunk before"],
    [
      "rate 0",
      riff(fmt({ ...PCM16, sampleRateHz: 0 }), data),
      "invalid_audio: WAV: the sample rate must be 4000–192000",
    ],
    ["rate 3999", riff(fmt({ ...PCM16, sampleRateHz: 3999 }), data), "invalid_audio: WAV: the sample rate must be"],
    [
      "rate 192001",
      riff(fmt({ ...PCM16, sampleRateHz: 192_001 }), data),
      "invalid_audio: WAV: the sample rate must be",
    ],
    [
      "no channels",
      riff(fmt({ ...PCM16, channelCount: 0 }), data),
      "invalid_audio: WAV: the channel count must be 1–64",
    ],
    ["65 channels", riff(fmt({ ...PCM16, channelCount: 65 }), data), "invalid_audio: WAV: the channel count must be"],
    ["12 bits in 12", riff(fmt({ tag: 1, bits: 12 }), data), "invalid_audio: WAV: format 1 with 12 bits in frames of"],
    ["a zero frame size", riff(fmt({ ...PCM16, blockAlign: 0 }), data), "invalid_audio: WAV: format 1 with 16 bits in"],
    ["ADPCM", riff(fmt({ tag: 17, bits: 4, blockAlign: 256 }), data), "invalid_audio: WAV: format 17 with 4 bits in"],
    [
      "an extensible format without its extension",
      riff(fmt({ ...PCM16, tag: 0xfffe }), data),
      "invalid_audio: WAV: the extensible fmt chunk is shorter than 40 bytes",
    ],
    [
      "a foreign sub-format",
      riff(chunk("fmt ", concat(fmt({ ...PCM16, tag: 0xfffe }).subarray(8), new Uint8Array(24).fill(9))), data),
      "invalid_audio: WAV: the sub-format is not one of",
    ],
    [
      "a ds64 chunk cut short",
      concat("RF64", u32(0), "WAVE", chunk("ds64", new Uint8Array(8)), data),
      "invalid_audio: WAV: the ds64 chunk is shorter than 24 bytes",
    ],
    [
      "fewer samples than promised",
      riff(fmt(PCM16), chunk("data", s16, 1002)),
      "invalid_audio: WAV: the file is truncated, 2 of 1002 bytes of samples are missing: upload it again",
    ],
  ];
  for (const [name, bytes, wanted] of bad) {
    it(`refuses ${name}`, async () => {
      expect(await refusal(bytes)).toContain(wanted);
      expect(await refusal(inPieces(bytes, 1))).toContain(wanted);
    });
  }

  it("refuses a declared length over the limit before any sample is read", async () => {
    const header = riff(fmt(PCM16), chunk("data", new Uint8Array(0), 1e9));
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield header;
      throw new Error("read on");
    }
    expect(await refusal(endless(), { maxDurationMs: 10_000 })).toBe(
      "audio_too_long: the audio is longer than 10s: cut it into shorter files",
    );
  });

  it("stops an undeclared length at the limit", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield concat("RIFF", u32(0), "WAVE", fmt(PCM16), "data", u32(0));
      for (;;) {
        sent += 4096;
        yield new Uint8Array(4096);
      }
    }
    expect(await refusal(endless(), { maxDurationMs: 10_000 })).toContain("audio_too_long");
    expect(sent).toBeLessThan(2 * 320_000);
  });

  it("delivers the samples up to the cut before it reports the truncation", async () => {
    const wav = riff(fmt(PCM16), chunk("data", s16, 100_000));
    const audio = await decodeAudio(inPieces(wav), { maxDurationMs: 1e6, signal: new AbortController().signal });
    let count = 0;
    const drain = async (): Promise<void> => {
      for await (const block of audio.blocks) count += block[0]!.length;
    };
    await expect(drain()).rejects.toThrow("truncated");
    expect(count).toBe(500);
  });
});
