import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { concat, decodeAll, refusal, u16, u32 } from "./helpers.ts";

const read = (file: string): Buffer => Buffer.from(readFileSync(`test/fixtures/audio/${file}`));

/** A copy in which the box of this type has another body; the boxes around it grow with it. The index must be the last box. */
function withBox(bytes: Buffer, path: readonly string[], body: Uint8Array, type = path.at(-1)!): Buffer {
  let at = 0;
  const heads = path.map((name) => (at = bytes.indexOf(name, at, "latin1")) - 4);
  const start = heads.at(-1)!;
  const end = start + bytes.readUInt32BE(start);
  const grown = 8 + body.length - (end - start);
  const copy = Buffer.from(bytes);
  for (const head of heads.slice(0, -1)) copy.writeUInt32BE(copy.readUInt32BE(head) + grown, head);
  return Buffer.from(concat(copy.subarray(0, start), u32be(8 + body.length), type, body, copy.subarray(end)));
}

function u32be(value: number): Uint8Array {
  return u32(value).toReversed();
}

function u16be(value: number): Uint8Array {
  return u16(value).toReversed();
}

it("the parts of an edit list are read, with the pauses between them", async () => {
  const bytes = read("index-last.m4a");
  const whole = await decodeAll(bytes);
  const rate = whole.sampleRateHz;
  const elst = bytes.indexOf("elst", 0, "latin1");
  const start = bytes.readUInt32BE(elst + 16);
  const movie = bytes.readUInt32BE(bytes.indexOf("mvhd", 0, "latin1") + 16);
  const edit = (seconds: number, from: number) =>
    concat(u32be(seconds * movie), from < 0 ? u32be(0xffff_ffff) : u32be(start + from * rate), u32be(0x1_0000));
  const list = concat(u32be(0), u32be(3), edit(0.5, 0), edit(0.25, -1), edit(0.25, 0.75));
  const found = await decodeAll(withBox(bytes, ["moov", "trak", "edts", "elst"], list));
  const sound = [...whole.channels[0]!];
  expect([...found.channels[0]!]).toEqual([
    ...sound.slice(0, 0.5 * rate),
    ...sound.slice(0, 0.25 * rate).fill(0),
    ...sound.slice(0.75 * rate, rate),
  ]);
});

it("packet sizes of 16 bits are read as those of 32 bits", async () => {
  const bytes = read("index-last.m4a");
  const stsz = bytes.indexOf("stsz", 0, "latin1");
  const count = bytes.readUInt32BE(stsz + 12);
  const sizes = Array.from({ length: count }, (_, i) => u16be(bytes.readUInt32BE(stsz + 16 + 4 * i)));
  const path = ["moov", "trak", "mdia", "minf", "stbl", "stsz"];
  const table = concat(u32be(0), u32be(16), u32be(count), ...sizes);
  const found = await decodeAll(withBox(bytes, path, table, "stz2"));
  expect(found.channels).toEqual((await decodeAll(bytes)).channels);
});

it("Vorbis in MP4 is decoded", async () => {
  const { format, channels, sampleRateHz } = await decodeAll(read("vorbis.mp4"));
  expect(format).toBe("mp4-vorbis");
  // One second; MP4 does not say how much of the last block is padding.
  expect(Math.abs(channels[0]!.length - sampleRateHz)).toBeLessThan(256);
});

it("a part of a WebM recording that begins inside a cluster is named", async () => {
  const bytes = read("live.webm");
  let at = bytes.indexOf(Buffer.of(0x1f, 0x43, 0xb6, 0x75));
  at = bytes.indexOf(0xa3, at);
  expect(await refusal(bytes.subarray(at))).toContain("a later part of a WebM recording");
});
