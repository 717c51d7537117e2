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
    [
      "a chunk of 2 GB before the samples",
      riff(chunk("JUNK", s16, 2e9)),
      "invalid_audio: WAV: no chunk that can be read begins at byte 12",
    ],
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
    ["65 channels", riff(fmt({ ...PCM16, channelCount: 65 }), data), "invalid_audio: WAV: the channel count must be"],
    [
      "ADPCM in impossible blocks",
      riff(fmt({ tag: 17, bits: 4, blockAlign: 2 }), data),
      "invalid_audio: WAV: an ADPCM block of 2 bytes",
    ],
    [
      "an unknown codec",
      riff(fmt({ tag: 999, bits: 4, blockAlign: 256 }), data),
      "invalid_audio: WAV: format 999 with 4 bits in",
    ],
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
  ];
  for (const [name, bytes, wanted] of bad) {
    it(`refuses ${name}`, async () => {
      expect(await refusal(bytes)).toContain(wanted);
      expect(await refusal(inPieces(bytes, 1))).toContain(wanted);
    });
  }

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

  it("refuses a cut file in strict mode, after the samples that it has", async () => {
    const wav = riff(fmt(PCM16), chunk("data", concat(s16, s16))).subarray(0, -1000);
    const audio = await decodeAudio(inPieces(wav), {
      maxDurationMs: 1e6,
      strict: true,
      signal: new AbortController().signal,
    });
    let count = 0;
    const drain = async (): Promise<void> => {
      for await (const block of audio.blocks) count += block.channels[0]!.length;
    };
    await expect(drain()).rejects.toThrow("truncated");
    expect(count).toBe(500);
  });
});

describe("headers that lie", () => {
  const speech = pcmOf(readFileSync("test/fixtures/eval/dev_espeak_07.wav"));
  const other = pcmOf(readFileSync("test/fixtures/eval/dev_festival_03.wav"));
  const s16Of = (samples: Float32Array): Uint8Array =>
    encode(samples, (view, at, value) => view.setInt16(at, Math.round(value * 32767), true), 2);
  const pcm = s16Of(speech);

  for (const [name, declared] of [
    ["the first chunk alone", 8192],
    ["an odd number of bytes", 8191],
    ["one frame", 2],
    ["8 bytes too few", pcm.length - 8],
    ["8 bytes too many", pcm.length + 8],
    ["36 bytes too many", pcm.length + 36],
    ["twice the samples", 2 * pcm.length],
    ["a billion bytes", 1e9],
    ["every value a pipe leaves", 0xffff_ffdb],
  ] as const) {
    it(`reads all samples when the header declares ${name}`, async () => {
      const wav = concat("RIFF", u32(pcm.length + 36), "WAVE", fmt(PCM16), "data", u32(declared), pcm);
      for (const pieces of [[], [1000], [4096, 1]]) {
        const { channels, warnings } = await decodeAll(inPieces(wav, ...pieces), { maxDurationMs: 60_000 });
        expect(channels[0]).toHaveLength(speech.length);
        expect(warnings.map(({ code }) => code)).toEqual(declared > 0x7fff_f000 ? [] : ["wrong_header"]);
      }
    });
  }

  it("a file that was cut is read to its end, with a warning that says how much is missing", async () => {
    const { channels, warnings } = await decodeAll(riff(fmt(PCM16), chunk("data", s16)).subarray(0, -32));
    expect(channels[0]).toHaveLength(484);
    expect(warnings).toEqual([
      { code: "truncated", message: "WAV: the file is truncated, 32 of 1000 bytes of samples are missing" },
    ]);
  });

  it("chunks, tags and padding behind the samples are not samples", async () => {
    const tails = [
      chunk("LIST", latin1("INFOISFT\x05\0\0\0Lavf\0")),
      chunk("odd ", new Uint8Array(3)),
      concat(chunk("bext", new Uint8Array(602)), chunk("cue ", u32(0))),
      concat("TAG", new Uint8Array(125)),
      concat("ID3", Uint8Array.of(4, 0, 0, 0, 0, 0, 5), "hello"),
      new Uint8Array(700),
      Uint8Array.of(7),
    ];
    for (const tail of tails) {
      const { channels, warnings } = await decodeAll(concat(riff(fmt(PCM16), chunk("data", s16)), tail));
      expect(channels[0]).toHaveLength(500);
      expect(warnings).toEqual([]);
    }
  });

  it("files and data chunks that follow each other are one recording, whatever their shapes", async () => {
    const stereo = riff(fmt({ ...PCM16, channelCount: 2, sampleRateHz: 44_100 }), chunk("data", pcm));
    const wav = concat(riff(fmt(PCM16), chunk("data", s16)), stereo);
    const audio = await decodeAudio(inPieces(wav), { maxDurationMs: 1e6, signal: new AbortController().signal });
    const shapes = new Map<string, number>();
    for await (const { sampleRateHz, channels } of audio.blocks) {
      const shape = `${sampleRateHz} x ${channels.length}`;
      shapes.set(shape, (shapes.get(shape) ?? 0) + channels[0]!.length);
    }
    expect([...shapes]).toEqual([
      ["16000 x 1", 500],
      ["44100 x 2", Math.floor(pcm.length / 4)],
    ]);
    const twice = riff(fmt(PCM16), chunk("data", s16), chunk("LIST", latin1("INFO")), chunk("data", s16));
    expect((await decodeAll(twice)).channels[0]).toHaveLength(1000);
  });

  it("goes on at the next chunk when the length of one before the samples is wrong", async () => {
    const body = concat(fmt(PCM16), "LIST", u32(10), latin1("INFO but much longer than ten bytes"), chunk("data", s16));
    const { channels, warnings } = await decodeAll(concat("RIFF", u32(body.length + 4), "WAVE", body));
    expect(channels[0]).toHaveLength(500);
    expect(warnings[0]?.code).toBe("wrong_header");
  });

  const widths = {
    u8: encode(speech, (v, at, x) => v.setUint8(at, Math.round(x * 127) + 128), 1),
    s16: pcm,
    s24: encode(
      speech,
      (v, at, x) => {
        const value = Math.round(x * 8_388_607);
        v.setUint16(at, value & 0xffff, true);
        v.setInt8(at + 2, value >> 16);
      },
      3,
    ),
    s32: encode(speech, (v, at, x) => v.setInt32(at, Math.round(x * 2_147_483_647), true), 4),
    stereo: s16Of(
      Float32Array.from({ length: 2 * speech.length }, (_, i) => (i % 2 ? (other[i >> 1] ?? 0) : speech[i >> 1]!)),
    ),
    twins: s16Of(Float32Array.from({ length: 2 * speech.length }, (_, i) => speech[i >> 1]!)),
  };
  const truth = { u8: [8, 1], s16: [16, 1], s24: [24, 1], s32: [32, 1], stereo: [16, 2], twins: [16, 2] } as const;
  const lies: readonly [string, keyof typeof widths, Partial<Shape>][] = [
    ["8 bits called 16", "u8", { bits: 16, blockAlign: 1 }],
    ["16 bits in frames of 1", "s16", { blockAlign: 1 }],
    ["16 bits in frames of 4", "s16", { blockAlign: 4 }],
    ["16 bits in frames of 0", "s16", { blockAlign: 0 }],
    ["a mono file without channels", "s16", { channelCount: 0 }],
    ["16 bits called 8", "s16", { bits: 8, blockAlign: 2 }],
    ["16 bits called 32", "s16", { bits: 32, blockAlign: 2 }],
    ["16 bits called 0", "s16", { bits: 0, blockAlign: 2 }],
    ["24 bits called 16", "s24", { bits: 16, blockAlign: 3 }],
    ["24 bits in frames of 2", "s24", { blockAlign: 2 }],
    ["32 bits called 16", "s32", { bits: 16, blockAlign: 4 }],
    ["stereo called mono", "stereo", { channelCount: 1, blockAlign: 4 }],
    ["stereo in frames of 2", "stereo", { channelCount: 2, blockAlign: 2 }],
    ["two equal channels called mono", "twins", { channelCount: 1, blockAlign: 4 }],
    ["mono called stereo", "s16", { channelCount: 2, blockAlign: 2 }],
  ];
  for (const [name, data, lie] of lies) {
    it(`${name}: the samples decide`, async () => {
      const [bits, channelCount] = truth[data];
      const shape = { tag: 1, bits, channelCount, ...lie };
      const { channels, warnings } = await decodeAll(riff(fmt(shape), chunk("data", widths[data])));
      expect(channels.map(({ length }) => length)).toEqual(Array.from({ length: channelCount }, () => speech.length));
      const worst = speech.reduce((most, value, i) => Math.max(most, Math.abs(value - channels[0]![i]!)), 0);
      expect(worst).toBeLessThan(0.011);
      expect(warnings.map(({ code }) => code)).toEqual(["wrong_header"]);
    });
  }

  it("a rate of 0 is taken from the byte rate", async () => {
    const header = Buffer.from(riff(fmt(PCM16), chunk("data", s16)));
    header.writeUInt32LE(0, 24);
    expect((await decodeAll(header)).sampleRateHz).toBe(16_000);
  });
});

function pcmOf(wav: Uint8Array): Float32Array {
  const view = new DataView(wav.buffer, wav.byteOffset + 44);
  return Float32Array.from({ length: view.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true) / 32768);
}
