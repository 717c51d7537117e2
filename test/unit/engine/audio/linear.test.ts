import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { concat, decodeAll, inPieces, latin1, refusal, tone, u16, u32 } from "./helpers.ts";

// AIFF, AU, CAF, Wave64 and RIFX: the same samples in each of them, and headers that lie.

const RATE = 16_000;
const wave = tone(440, RATE, 500);
const little = encode((view, at, value) => view.setInt16(at, Math.round(value * 32767), true));
const big = encode((view, at, value) => view.setInt16(at, Math.round(value * 32767)));
const wanted = Float32Array.from(wave, (value) => (Math.round(value * 32767) + 0) / 32768);

function encode(write: (view: DataView, at: number, value: number) => void): Uint8Array {
  const bytes = new Uint8Array(wave.length * 2);
  wave.forEach((value, i) => write(new DataView(bytes.buffer), i * 2, value));
  return bytes;
}

const be16 = (value: number): Uint8Array => u16(value).toReversed();
const be32 = (value: number): Uint8Array => u32(value).toReversed();
const be64 = (value: bigint): Uint8Array => new Uint8Array(new BigUint64Array([value]).buffer).toReversed();
const le64 = (value: number): Uint8Array => be64(BigInt(value)).toReversed();
/** 16 000 Hz as an 80-bit float. */
const RATE_80 = Uint8Array.of(0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0);

interface Options {
  readonly data?: Uint8Array;
  readonly declared?: number;
  /** Behind the samples. */
  readonly tail?: Uint8Array;
  readonly codec?: string;
  readonly bits?: number;
}

function iff(name: string, body: Uint8Array, declared = body.length): Uint8Array {
  return concat(name, be32(declared), body, new Uint8Array(body.length & 1));
}

function aiff({ data = big, declared, tail = new Uint8Array(0), codec, bits = 16 }: Options = {}): Uint8Array {
  const common = concat(be16(1), be32(data.length / 2), be16(bits), RATE_80, codec === undefined ? "" : `${codec}\0\0`);
  const size = declared === undefined ? undefined : declared === 0 ? 0 : declared + 8;
  const body = concat(
    codec === undefined ? "AIFF" : "AIFC",
    iff("COMM", common),
    iff("SSND", concat(be32(0), be32(0), data), size),
    tail,
  );
  return concat("FORM", be32(body.length), body);
}

function au({ data = big, declared = data.length, tail = new Uint8Array(0), codec = "3" }: Options = {}): Uint8Array {
  return concat(".snd", be32(28), be32(declared), be32(Number(codec)), be32(RATE), be32(1), "note", data, tail);
}

function caf({ data = big, declared, tail = new Uint8Array(0), codec = "lpcm", bits = 16 }: Options = {}): Uint8Array {
  const rate = new Uint8Array(new Float64Array([RATE]).buffer).toReversed();
  const desc = concat(rate, codec, be32(0), be32(bits / 8), be32(1), be32(1), be32(bits));
  const size = declared === 0 ? -1n : BigInt((declared ?? data.length) + 4);
  return concat(
    "caff\0\x01\0\0desc",
    be64(32n),
    desc,
    "free",
    be64(3n),
    "...",
    "data",
    be64(size),
    be32(0),
    data,
    tail,
  );
}

const WAVE_GUID = latin1("\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a");
const RIFF_GUID = latin1("\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0");

function fmt(bits = 16, tag = 1): Uint8Array {
  return concat(u16(tag), u16(1), u32(RATE), u32((RATE * bits) / 8), u16(bits / 8), u16(bits));
}

function wave64({ data = little, declared, tail = new Uint8Array(0) }: Options = {}): Uint8Array {
  const size = declared === 0 ? be64(0x7fff_ffff_ffff_ffffn).toReversed() : le64((declared ?? data.length) + 24);
  const body = concat("wave", WAVE_GUID, "fmt ", WAVE_GUID, le64(40), fmt(), "data", WAVE_GUID, size, data, tail);
  return concat("riff", RIFF_GUID, le64(24 + body.length), body);
}

function rifx({ data = big, declared, tail = new Uint8Array(0) }: Options = {}): Uint8Array {
  const bigFmt = concat(be16(1), be16(1), be32(RATE), be32(RATE * 2), be16(2), be16(16));
  const size = declared === 0 ? 0xffff_ffff : declared;
  const body = concat("WAVE", iff("fmt ", bigFmt), iff("data", data, size), tail);
  return concat("RIFX", be32(body.length), body);
}

const w64Chunk = (name: string, body: Uint8Array): Uint8Array =>
  concat(name, WAVE_GUID, le64(24 + body.length), body, new Uint8Array((8 - (body.length % 8)) % 8));

const CONTAINERS: readonly {
  readonly name: string;
  readonly format: string;
  readonly make: (options?: Options) => Uint8Array;
  /** A chunk that may stand behind the samples. */
  readonly chunk: Uint8Array | undefined;
}[] = [
  { name: "AIFF", format: "aiff", make: aiff, chunk: iff("NAME", latin1("a title")) },
  { name: "AU", format: "au", make: au, chunk: undefined },
  { name: "CAF", format: "caf", make: caf, chunk: concat("info", be64(7n), "a title") },
  { name: "Wave64", format: "w64", make: wave64, chunk: w64Chunk("list", latin1("a title")) },
  { name: "RIFX", format: "wav", make: rifx, chunk: iff("LIST", latin1("a title")) },
];

for (const { name, format, make, chunk } of CONTAINERS) {
  describe(name, () => {
    it("is read sample for sample, for any split of the bytes", async () => {
      const whole = await decodeAll(make());
      expect(whole).toMatchObject({ format, sampleRateHz: RATE, totalS: 500 / RATE, warnings: [] });
      expect(whole.channels).toEqual([wanted]);
      for (const size of [1, 7, 333]) expect((await decodeAll(inPieces(make(), size))).channels).toEqual([wanted]);
    });

    it("goes to the end of the body where a writer to a pipe left no length", async () => {
      const decoded = await decodeAll(make({ declared: 0 }));
      expect(decoded.channels).toEqual([wanted]);
      expect(decoded.warnings).toEqual([]);
    });

    it("reads samples behind the declared length, with a warning", async () => {
      const decoded = await decodeAll(make({ declared: 600 }));
      expect(decoded.channels).toEqual([wanted]);
      expect(decoded.warnings.map(({ code }) => code)).toEqual(["wrong_header"]);
    });

    it("reads a file that was cut to its end, with a warning; strict refuses it", async () => {
      const cut = make().subarray(0, -100);
      const decoded = await decodeAll(cut);
      expect(decoded.channels).toEqual([wanted.subarray(0, 450)]);
      expect(decoded.warnings.map(({ code }) => code)).toEqual(["truncated"]);
      expect(await refusal(cut, { strict: true })).toContain("invalid_audio");
    });

    it("takes a chunk behind the samples for what it is", async () => {
      if (!chunk) return; // AU has no chunks
      const decoded = await decodeAll(make({ tail: chunk }));
      expect(decoded.channels).toEqual([wanted]);
      expect(decoded.warnings).toEqual([]);
    });

    it("reads files that follow each other", async () => {
      for (const next of CONTAINERS) {
        const decoded = await decodeAll(concat(make(), next.make()));
        expect(decoded.channels[0]).toHaveLength(1000);
        expect(decoded.channels[0]!.subarray(500)).toEqual(wanted);
        expect(decoded.warnings).toEqual([]);
      }
    });

    it("keeps what it has where the next file is damaged", async () => {
      const decoded = await decodeAll(concat(make(), "fLaC", new Uint8Array(60).fill(1)));
      expect(decoded.channels).toEqual([wanted]);
      expect(decoded.warnings.map(({ code }) => code)).toEqual(["damaged"]);
    });

    it("is refused when cut anywhere in its header", async () => {
      const head = make({ data: new Uint8Array(0) });
      for (let length = 12; length <= head.length; length++) {
        expect(await refusal(head.subarray(0, length))).toMatch(/^(?:invalid_audio|unsupported_media): /);
      }
    });
  });
}

describe("kinds of samples", () => {
  const bytes = Uint8Array.of(0xd5, 0x2a, 0x80, 0x00);
  const cases: readonly [string, Uint8Array, number[]][] = [
    ["AIFC sowt", aiff({ codec: "sowt", data: Uint8Array.of(0, 0x40) }), [0.5]],
    ["AIFC twos", aiff({ codec: "twos", data: Uint8Array.of(0x40, 0) }), [0.5]],
    ["AIFC raw", aiff({ codec: "raw ", bits: 8, data: Uint8Array.of(0xc0, 0x80) }), [0.5, 0]],
    ["AIFF of 12 bits", aiff({ bits: 12, data: Uint8Array.of(0x40, 0) }), [0.5]],
    ["AIFC in24", aiff({ codec: "in24", bits: 24, data: Uint8Array.of(0x40, 0, 0, 0xc0, 0, 0) }), [0.5, -0.5]],
    ["AIFC 23ni", aiff({ codec: "23ni", bits: 32, data: Uint8Array.of(0, 0, 0, 0x40) }), [0.5]],
    ["AIFC fl32", aiff({ codec: "fl32", bits: 32, data: Uint8Array.of(0x3f, 0, 0, 0) }), [0.5]],
    ["AIFC alaw", aiff({ codec: "alaw", bits: 16, data: bytes.subarray(0, 2) }), [8 / 32768, -32256 / 32768]],
    ["AU of 8 bits", au({ codec: "2", data: Uint8Array.of(0x40, 0xc0) }), [0.5, -0.5]],
    ["AU float", au({ codec: "6", data: Uint8Array.of(0x3f, 0, 0, 0) }), [0.5]],
    ["CAF ulaw", caf({ codec: "ulaw", bits: 8, data: Uint8Array.of(0xff, 0) }), [0, -32124 / 32768]],
  ];
  for (const [name, file, samples] of cases) {
    it(`reads ${name}`, async () => {
      expect([...(await decodeAll(file)).channels[0]!]).toEqual(samples);
    });
  }
});

describe("codecs", () => {
  /** SHA-256 of the 16-bit samples that ffmpeg decodes. */
  const files: readonly [file: string, format: string, hash: string][] = [
    ["ima4.aiff", "aiff-ima4", "04db115c1c6a556a0d0676805bf510bc4f5538f1b33a0d75e73b633f74422bfc"],
    ["ima4-stereo.caf", "caf-ima4", "8d5adc2a0173257f2b6cb403df08d52f1e8601f0c5f89dbe04f8f662c7379c5b"],
    ["alac.caf", "caf-alac", "e4207ac578c2b4455c9e29ca4306d2cc50e2b93853d7774a16fe94d870076597"],
  ];
  for (const [file, format, hash] of files) {
    it(`${file} is decoded as ffmpeg does, bit for bit`, async () => {
      const decoded = await decodeAll(readFileSync(`test/fixtures/audio/${file}`));
      expect(decoded).toMatchObject({ format, warnings: [] });
      const samples = new Int16Array(decoded.channels[0]!.length * decoded.channels.length);
      decoded.channels.forEach((channel, c) =>
        channel.forEach((value, i) => (samples[i * decoded.channels.length + c] = value * 32768)),
      );
      expect(createHash("sha256").update(new Uint8Array(samples.buffer)).digest("hex")).toBe(hash);
    });
  }

  it("opus.caf has its length", async () => {
    const decoded = await decodeAll(readFileSync("test/fixtures/audio/opus.caf"));
    expect(decoded.format).toBe("caf-opus");
    expect(decoded.channels[0]!.length / 48_000).toBeGreaterThanOrEqual(0.25);
  });

  it("the frames of an MP3 in WAV end where the data chunk ends", async () => {
    const file = new Uint8Array(readFileSync("test/fixtures/audio/mp3.wav"));
    const whole = await decodeAll(file);
    const withTail = await decodeAll(concat(file, iffLittle("junk", file.subarray(200, 1500))));
    expect(withTail.channels).toEqual(whole.channels);
    expect(withTail.warnings).toEqual([]);
  });
});

describe("refusals", () => {
  const cases: readonly [string, Uint8Array, string][] = [
    [
      "AIFF: samples before their format",
      concat("FORM", be32(100), "AIFF", iff("SSND", new Uint8Array(40))),
      "the samples come before their format: convert it",
    ],
    [
      "AIFF: no chunk",
      concat("FORM", be32(100), "AIFF", new Uint8Array(40)),
      "no chunk that can be read begins at byte 12",
    ],
    [
      "AIFF: a COMM chunk of 4 bytes",
      concat("FORM", be32(100), "AIFF", iff("COMM", be32(1))),
      "the COMM chunk must be 18 bytes or more, got 4",
    ],
    ["AIFF: MACE", aiff({ codec: "MAC6" }), "MACE 6:1 is not supported: convert it with ffmpeg"],
    ["AIFF: 40 bits", aiff({ bits: 40 }), "with 40 bits is not supported"],
    ["AU: G.721", au({ codec: "23" }), "G.721 ADPCM is not supported: convert it with ffmpeg"],
    ["AU: an unknown encoding", au({ codec: "99" }), "the encoding 99 is not supported"],
    [
      "AU: a header of 4 bytes",
      concat(".snd", be32(4), be32(100), be32(3), be32(RATE), be32(1)),
      "the header must be 24–",
    ],
    ["CAF: APAC", caf({ codec: "apac" }), "APAC (Apple Positional Audio) is not supported: convert it with ffmpeg"],
    ["CAF: AAC without its configuration", caf({ codec: "aac " }), "the decoder configuration is missing"],
    ["CAF: no packet table", caf({ codec: ".mp3" }), "no packet table"],
    ["CAF: PCM of 40 bits", caf({ bits: 40 }), "PCM with 40 bits in frames of 5 bytes is not supported"],
    [
      "CAF: samples before their format",
      concat("caff\0\x01\0\0data", be64(8n), new Uint8Array(8)),
      "the samples come before their format",
    ],
  ];
  for (const [name, file, message] of cases) {
    it(`refuses ${name}`, async () => {
      const told = await refusal(file);
      expect(told).toMatch(/^invalid_audio: /);
      expect(told).toContain(message);
    });
  }
});

function iffLittle(name: string, body: Uint8Array): Uint8Array {
  return concat(name, u32(body.length), body, new Uint8Array(body.length & 1));
}
