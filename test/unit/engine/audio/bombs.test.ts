import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { messageOf } from "../../../../src/shared/errors.ts";
import { oggPage, opusHead, opusTags, silentFlac } from "./builders.ts";
import { FOUR_HOURS_MS, concat, decodeAll, inPieces } from "./helpers.ts";

const TOO_LONG = "the audio is longer than 4h";

/** Seconds decoded before the refusal, and its text. */
async function refuse(
  bytes: Uint8Array,
  maxDurationMs = FOUR_HOURS_MS,
): Promise<{ decodedS: number; message: string }> {
  let decodedS = 0;
  try {
    const audio = await decodeAudio(inPieces(bytes, 65_536), {
      maxDurationMs,
      signal: new AbortController().signal,
    });
    for await (const block of audio.blocks) decodedS += block.channels[0]!.length / audio.sampleRateHz;
  } catch (error) {
    return { decodedS, message: messageOf(error) };
  }
  return { decodedS, message: "no error" };
}

describe("a small body that expands to hours", () => {
  it("FLAC of silence without a declared length is refused before it is decoded", async () => {
    const bytes = silentFlac({ sampleRateHz: 8000, frameCount: 30_000 });
    expect(bytes.length).toBeLessThan(600_000);
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("FLAC is refused by its declared length alone", async () => {
    const bytes = silentFlac({ sampleRateHz: 8000, frameCount: 1, total: 8000 * 3600 * 100 });
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("Opus packets of two bytes and 120 ms are refused before they are decoded", async () => {
    const packets = Array.from({ length: 255 }, () => Uint8Array.of(0x1b, 0x02));
    const pages = Array.from({ length: 600 }, (_, i) =>
      oggPage({ sequence: i + 2, granule: (i + 1) * 255 * 5760, packets }),
    );
    const bytes = concat(
      oggPage({ sequence: 0, granule: 0, isFirst: true, packets: [opusHead()] }),
      oggPage({ sequence: 1, granule: 0, packets: [opusTags()] }),
      ...pages,
    );
    expect(bytes.length).toBeLessThan(600_000);
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("Vorbis packets of one byte are refused before they are decoded", async () => {
    const original = readFileSync("test/fixtures/audio/tiny.ogg");
    const audioStart = nthPage(original, 2);
    const serial = original.readUInt32LE(14);
    const packets = Array.from({ length: 255 }, () => Uint8Array.of(0x02));
    const pages = Array.from({ length: 1200 }, (_, i) =>
      oggPage({ serial, sequence: original.readUInt32LE(audioStart + 18) + i, granule: i + 1, packets }),
    );
    const bytes = concat(original.subarray(0, audioStart), ...pages);
    expect(bytes.length).toBeLessThan(800_000);
    const message = "the audio is longer than 1h";
    expect(await refuse(bytes, 3_600_000)).toEqual({ decodedS: 0, message });
  });

  it("MP3 is refused by the count in its Xing header", async () => {
    const bytes = Buffer.from(readFileSync("test/fixtures/audio/cbr-16k.mp3"));
    const at = bytes.indexOf("Info");
    expect(bytes.readUInt32BE(at + 4) & 1).toBe(1);
    bytes.writeUInt32BE(1_000_000, at + 8);
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("MP4 is refused by its sample tables", async () => {
    const bytes = Buffer.from(readFileSync("test/fixtures/audio/index-first.m4a"));
    const at = bytes.indexOf("stts");
    bytes.writeUInt32BE(0x7fff_ffff, at + 12);
    // The edit list would cut the track to its real length.
    bytes.write("free", bytes.indexOf("edts"), "latin1");
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("WebM is refused by its declared duration", async () => {
    const bytes = Buffer.from(readFileSync("test/fixtures/audio/opus.webm"));
    const at = bytes.indexOf(Buffer.of(0x44, 0x89, 0x88));
    bytes.writeDoubleBE(1e9, at + 3);
    expect(await refuse(bytes)).toEqual({ decodedS: 0, message: TOO_LONG });
  });

  it("a stream that never ends is left at the limit", async () => {
    const frame = readFileSync("test/fixtures/audio/no-header.mp3").subarray(0, 216);
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += frame.length;
        yield frame;
      }
    }
    await expect(decodeAll(endless(), { maxDurationMs: 60_000 })).rejects.toThrow("the audio is longer than 1m");
    // 48 kbit/s: a minute is 360 kB, and the reader is at most its queue ahead.
    expect(sent).toBeLessThan(2 ** 21);
  });
});

/** Offset of page number `n`. */
function nthPage(bytes: Buffer, n: number): number {
  let at = -1;
  for (let i = 0; i <= n; i++) at = bytes.indexOf("OggS", at + 1, "latin1");
  return at;
}
