import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { parseAudioSpecificConfig } from "../../../../src/engine/audio/aac/aac.ts";
import { crc16, crc32Ogg, crc8 } from "../../../../src/engine/audio/input/crc.ts";
import { tagLength } from "../../../../src/engine/audio/input/frame-scan.ts";
import { parseMpegHeader } from "../../../../src/engine/audio/mp3/mp3.ts";
import { createOpusCodec, opusPacketFrames, parseOpusHead } from "../../../../src/engine/audio/codec/opus.ts";
import { createByteReader } from "../../../../src/engine/audio/input/byte-reader.ts";
import { createCodec } from "../../../../src/engine/audio/codec/symphonia.ts";
import { createVorbisCounter, createVorbisCodec, parseVorbisHead } from "../../../../src/engine/audio/codec/vorbis.ts";
import { createPacketJoiner, readOggPage } from "../../../../src/engine/audio/ogg/pages.ts";
import { PacketError } from "../../../../src/engine/audio/codec/packet-decoder.ts";
import { opusHead } from "./builders.ts";
import { concat, inPieces, latin1 } from "./helpers.ts";
import { fuzzRuns, SEED } from "../../../support/fuzz.ts";

describe.each(["audio-codecs", "ffmpeg-audio"])("the WebAssembly codecs %s", (name) => {
  const file = `vendor/${name}/${name}.wasm`;
  const wasm = readFileSync(file);

  it("are the bytes that were reviewed", () => {
    const [recorded] = readFileSync(`${file}.sha256`, "utf8").split(" ");
    expect(createHash("sha256").update(wasm).digest("hex")).toBe(recorded);
  });

  it("import nothing and name no folder of the machine that built them", () => {
    const sections = sectionsOf(wasm);
    expect(sections.has(2)).toBe(false);
    expect(wasm.toString("latin1")).not.toMatch(/\/home\/|\/root\/|\/tmp\/|\/Users\/|\\Users\\/);
  });

  it("may use 64 MiB of memory and no more", () => {
    const memory = sectionsOf(wasm).get(5)!;
    // One memory, flags 1 = with a maximum, both in pages of 64 KiB.
    expect(memory[0]).toBe(1);
    expect(memory[1]).toBe(1);
    const [, afterMinimum] = leb(memory, 2);
    expect(leb(memory, afterMinimum)[0]).toBe(1024);
  });
});

describe("a WebAssembly decoder", () => {
  it("a trap makes one decoder unusable and no other", async () => {
    const lost = await createCodec({ codec: "mp3" });
    const other = await createCodec({ codec: "mp3" });
    const frame = readFileSync("test/fixtures/audio/no-header.mp3").subarray(0, 216);
    expect(lost.decode(frame).channels[0]).toHaveLength(576);
    // More than the memory can hold: the allocation fails and the module traps.
    expect(() => lost.decode(new Uint8Array(80 * 2 ** 20))).toThrow("mp3: the audio cannot be decoded");
    expect(() => lost.decode(frame)).toThrow("mp3: the decoder gave up on this audio earlier");
    expect(other.decode(frame).channels[0]).toHaveLength(576);
    expect((await createCodec({ codec: "mp3" })).decode(frame).channels[0]).toHaveLength(576);
  });

  it("a damaged packet is an error of that packet alone", async () => {
    const codec = await createCodec({ codec: "mp3" });
    const frame = readFileSync("test/fixtures/audio/no-header.mp3").subarray(0, 216);
    expect(() => codec.decode(frame.subarray(0, 100))).toThrow(PacketError);
    expect(codec.decode(frame).channels[0]).toHaveLength(576);
  });
});

describe("Opus packets", () => {
  // The cases of RFC 6716 section 3.2.
  const sizes: readonly [string, number[], number | undefined][] = [
    ["one frame of 20 ms", [0x08, 1, 2, 3], 960],
    ["one empty frame", [0x08], 960],
    ["two equal frames", [0x09, 1, 2, 3, 4], 1920],
    ["two equal frames of odd length", [0x09, 1, 2, 3], undefined],
    ["two frames of their own lengths", [0x0a, 1, 9, 8], 1920],
    ["a first frame longer than the packet", [0x0a, 9, 9, 8], undefined],
    ["a length of two bytes cut short", [0x0a, 252], undefined],
    ["48 frames of 2.5 ms", [0xe3, 48], 5760],
    ["49 frames of 2.5 ms", [0xe3, 49], undefined],
    ["no frame at all", [0xe3, 0], undefined],
    ["padding of 300 bytes that are not there", [0x0b, 0x41, 255, 46], undefined],
    ["padding that is there", [0x0b, 0x41, 1, 7, 0], 960],
    ["three frames of their own lengths", [0x0b, 0x83, 1, 1, 5, 6, 7], 2880],
    ["frames longer than 1275 bytes", [0x08, ...Array.from({ length: 1276 }, () => 0)], undefined],
    ["nothing", [], undefined],
  ];
  for (const [name, bytes, frames] of sizes) {
    it(`counts ${name}`, () => expect(opusPacketFrames(Uint8Array.from(bytes))).toBe(frames));
  }

  it("of several streams say their own lengths", () => {
    const two = Uint8Array.of(0x08, 1, 7, 0x08, 9, 9);
    expect(opusPacketFrames(two, 2)).toBe(960);
    expect(opusPacketFrames(two.subarray(0, 3), 2)).toBeUndefined();
    expect(opusPacketFrames(Uint8Array.of(0x08, 1, 7, 0x00, 9, 9), 2)).toBeUndefined();
  });

  it("that pass the check are decoded to just so many samples, and libopus never prints", async () => {
    const print = vi.spyOn(console, "error");
    const codec = await createOpusCodec(parseOpusHead(opusHead()));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (packet) => {
        const frames = opusPacketFrames(packet);
        if (frames === undefined) expect(() => codec.decode(packet)).toThrow(PacketError);
        else expect(codec.decode(packet).channels[0]).toHaveLength(frames);
      }),
      fuzzRuns(300, { quick: 40 }),
    );
    expect(print).not.toHaveBeenCalled();
    print.mockRestore();
  });

  it("are made louder or quieter by the gain of the header", async () => {
    const quiet = opusHead();
    new DataView(quiet.buffer).setInt16(16, -256 * 20, true);
    expect(parseOpusHead(quiet).gain).toBeCloseTo(0.1, 6);
  });
});

describe("Vorbis packets", () => {
  it("are counted without decoding as the decoder counts them", async () => {
    for (const file of ["vorbis-16k.ogg", "vorbis-stereo-48k.ogg", "tiny.ogg"]) {
      const packets = await oggPackets(`test/fixtures/audio/${file}`);
      const head = parseVorbisHead(packets[0]!);
      const codec = await createVorbisCodec(head, packets[2]);
      const count = createVorbisCounter(head, packets[2]);
      const audio = packets.slice(3);
      expect(audio.map(count)).toEqual(audio.map((packet) => codec.decode(packet).channels[0]?.length ?? 0));
    }
  });
});

describe("AAC configurations", () => {
  it("are read down to their core", () => {
    expect(parseAudioSpecificConfig(Uint8Array.of(0x14, 0x08))).toMatchObject({
      sampleRateHz: 16_000,
      channelCount: 1,
      frameSamples: 1024,
    });
    expect(parseAudioSpecificConfig(Uint8Array.of(0x14, 0x0c))).toMatchObject({ frameSamples: 960 });
    // HE-AAC with its extension said first: type 5, core 22.05 kHz, output 44.1 kHz, core type 2.
    expect(parseAudioSpecificConfig(Uint8Array.of(0x2b, 0x92, 0x08, 0x00))).toMatchObject({
      sampleRateHz: 22_050,
      channelCount: 2,
      frameSamples: 1024,
    });
    // A rate of its own, 24 bits.
    expect(parseAudioSpecificConfig(Uint8Array.of(0x17, 0x80, 0x1f, 0x40, 0x08)).sampleRateHz).toBe(16_000);
  });

  it("that are cut short or undefined are refused", () => {
    expect(() => parseAudioSpecificConfig(Uint8Array.of(0x14))).toThrow("AAC: the decoder configuration is cut short");
    expect(() => parseAudioSpecificConfig(Uint8Array.of(0x16, 0x88))).toThrow(
      "AAC: sample rate index 13 is not defined",
    );
  });
});

describe("MPEG audio headers", () => {
  it("give the frame length of their bit rate", () => {
    const header = (...bytes: number[]) => parseMpegHeader(Uint8Array.from(bytes), 0);
    expect(header(0xff, 0xfb, 0x90, 0x00)).toMatchObject({
      sampleRateHz: 44_100,
      frameBytes: 417,
      samples: 1152,
      channelCount: 2,
    });
    expect(header(0xff, 0xfb, 0x92, 0xc0)).toMatchObject({ frameBytes: 418, channelCount: 1 });
    expect(header(0xff, 0xf3, 0x88, 0xc0)).toMatchObject({ sampleRateHz: 16_000, frameBytes: 288, samples: 576 });
    expect(header(0xff, 0xe3, 0x80, 0xc0)).toMatchObject({ sampleRateHz: 11_025, samples: 576 });
    expect(header(0xff, 0xfd, 0x84, 0xc0)).toMatchObject({
      layer: 2,
      sampleRateHz: 48_000,
      frameBytes: 384,
      samples: 1152,
    });
  });

  it("with reserved fields are none", () => {
    for (const bytes of [
      [0xff, 0xeb, 0x90, 0],
      [0xff, 0xf9, 0x90, 0],
      [0xff, 0xfb, 0x9c, 0],
      [0xff, 0xfb, 0xf0, 0],
      [0xff, 0xfb, 0x00, 0],
      [0xff, 0x1b, 0x90, 0],
      [0xff, 0xfb, 0x90, 2],
    ]) {
      expect(parseMpegHeader(Uint8Array.from(bytes), 0)).toBeUndefined();
    }
  });
});

describe("tags", () => {
  it("say their length", () => {
    expect(tagLength(concat("ID3", Uint8Array.of(4, 0, 0, 0, 0, 2, 1)))).toBe(10 + 257);
    expect(tagLength(concat("ID3", Uint8Array.of(4, 0, 0x10, 0, 0, 0, 1)))).toBe(21);
    expect(tagLength(concat("ID3", Uint8Array.of(4, 0, 0, 0, 0, 0x80, 1)))).toBe(0);
    expect(tagLength(latin1("TAG"))).toBe(128);
    expect(tagLength(latin1("hello hello"))).toBe(0);
  });
});

describe("checksums", () => {
  it("agree with the catalogue's values for 123456789", () => {
    const bytes = latin1("123456789");
    expect(crc8(bytes, 0, 9)).toBe(0xf4);
    expect(crc16(bytes, 0, 9, 0)).toBe(0xfee8);
    // CRC-32/BZIP2 without its inversions.
    expect(crc32Ogg(bytes)).toBe(0x89a1897f);
  });
});

describe("byte reader", () => {
  it("gives the same bytes for any split and any order of calls", async () => {
    const calls = fc.array(fc.tuple(fc.constantFrom("peek", "read", "skip", "next"), fc.nat(40)), { maxLength: 30 });
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i & 255);
    await fc.assert(
      fc.asyncProperty(calls, sizes, async (steps, split) => {
        const reader = createByteReader(inPieces(bytes, ...split), new AbortController().signal);
        let at = 0;
        for (const [call, count] of steps) {
          expect(reader.position).toBe(at);
          if (call === "skip") at += await reader.skip(count);
          else if (call === "next") {
            const got = await reader.next(count + 1);
            if (got) expect([...got]).toEqual([...bytes.subarray(at, at + got.length)]);
            at += got?.length ?? 0;
          } else {
            const got = await reader[call as "peek" | "read"](count);
            expect([...got]).toEqual([...bytes.subarray(at, at + count)]);
            if (call === "read") at += got.length;
          }
        }
      }),
      { seed: SEED },
    );
  });

  it("never hands out a Buffer, whose slice would be a view", async () => {
    async function* buffers(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("hello");
    }
    const reader = createByteReader(buffers(), new AbortController().signal);
    expect((await reader.peek(5)).constructor).toBe(Uint8Array);
  });
});

// ---

async function oggPackets(file: string): Promise<Uint8Array[]> {
  const reader = createByteReader(inPieces(readFileSync(file)), new AbortController().signal);
  const fail = (detail: string): never => {
    throw new Error(detail);
  };
  const joiner = createPacketJoiner(fail);
  const packets: Uint8Array[] = [];
  for (let page = await readOggPage(reader, fail); page; page = await readOggPage(reader, fail))
    packets.push(...joiner.push(page));
  return packets;
}

/** Bodies of the sections of a WebAssembly module by their id. */
function sectionsOf(wasm: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = 8; at < wasm.length;) {
    const [size, body] = leb(wasm, at + 1);
    sections.set(wasm[at]!, wasm.subarray(body, body + size));
    at = body + size;
  }
  return sections;
}

function leb(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}
