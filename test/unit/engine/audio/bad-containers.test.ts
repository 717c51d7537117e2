import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { crc8 } from "../../../../src/engine/audio/input/crc.ts";
import { oggPage, opusHead, opusTags, silentFlac } from "./builders.ts";
import { concat, decodeAll, inPieces, latin1, refusal, u16, u32 } from "./helpers.ts";

const read = (file: string): Buffer => readFileSync(`test/fixtures/audio/${file}`);

type Case = readonly [name: string, bytes: Uint8Array, wanted: string];

const all: (readonly [container: string, case_: Case])[] = [];

function refuses(container: string, cases: readonly Case[]): void {
  for (const case_ of cases) all.push([container, case_]);
  describe(container, () => {
    for (const [name, bytes, wanted] of cases) {
      it(`refuses ${name}`, async () => {
        expect(await refusal(bytes)).toContain(wanted);
        expect(await refusal(inPieces(bytes, 1, 300))).toContain(wanted);
      });
    }
  });
}

/** A copy with `text` (Latin-1) written over the first place where `find` stands. */
function patch(file: string, find: string, text: string, offset = 0): Buffer {
  const bytes = Buffer.from(read(file));
  const at = bytes.indexOf(find, 0, "latin1");
  if (at < 0) throw new Error(`${file} has no ${find}`);
  bytes.write(text, at + offset, "latin1");
  return bytes;
}

const mp3 = read("no-header.mp3");
const FRAME = 216;
const noise = new Uint8Array(100_000).map((_, i) => (i * 7919) & 0x7f);

refuses("MP3", [
  ["a tag and nothing else", concat("ID3", Uint8Array.of(4, 0, 0, 0, 0, 0, 5), "hello"), "MP3: no audio frame"],
  [
    "a tag that is larger than the file",
    concat("ID3", Uint8Array.of(4, 0, 0, 127, 127, 127, 127), mp3),
    "no audio frame",
  ],
  [
    "free format frames",
    concat(...Array.from({ length: 9 }, () => concat(Uint8Array.of(0xff, 0xfb, 0x04, 0xc0), noise.subarray(0, 413)))),
    "the body is MP3 in free format",
  ],
  [
    "100 kB of nothing behind a tag",
    concat("ID3", Uint8Array.of(4, 0, 0, 0, 0, 0, 0), noise),
    "MP3: no audio frame was found in the first 65536",
  ],
]);

const flac = read("tiny.flac");
const streamInfo = flac.subarray(8, 42);
const slowFlac = silentFlac({ sampleRateHz: 300, frameCount: 1 });
const fastFlac = silentFlac({ sampleRateHz: 655_350, frameCount: 1 });
const oddFrame = Buffer.from(silentFlac({ sampleRateHz: 8000, frameCount: 1 }));
// Block size code 0 is reserved: with a right header checksum there still is no frame.
oddFrame[44] = 0x08;
oddFrame[49] = crc8(oddFrame, 42, 49);

refuses("FLAC", [
  ["its magic and nothing else", latin1("fLaC"), "FLAC: the file ends inside its metadata"],
  ["metadata without frames", flac.subarray(0, flac.indexOf(Buffer.of(0xff, 0xf8))), "FLAC: the file is truncated"],
  ["a first block that is not STREAMINFO", concat("fLaC", Uint8Array.of(0x81, 0, 0, 4), u32(0)), "must be STREAMINFO"],
  [
    "two STREAMINFO blocks",
    concat("fLaC", Uint8Array.of(0, 0, 0, 34), streamInfo, Uint8Array.of(0x80, 0, 0, 34), streamInfo),
    "must be STREAMINFO",
  ],
  [
    "a STREAMINFO block of 33 bytes",
    concat("fLaC", Uint8Array.of(0x80, 0, 0, 33), streamInfo.subarray(1)),
    "STREAMINFO must be 34 bytes, got 33",
  ],
  [
    "a metadata block that is larger than the file",
    concat("fLaC", Uint8Array.of(0, 0, 0, 34), streamInfo, Uint8Array.of(4, 255, 255, 255), flac),
    "ends inside its metadata",
  ],
  ["a rate of 300 Hz", slowFlac, "flac: the sample rate must be 4000–192000 Hz, got 300"],
  ["a rate of 655 350 Hz", fastFlac, "flac: the sample rate must be 4000–192000 Hz, got 655350"],
  ["a frame with a reserved code", oddFrame, "FLAC: the file is damaged at byte"],
  ["noise where its frames should be", concat(flac.subarray(0, 42 + 4), noise), "invalid_audio: FLAC"],
]);

const head = oggPage({ sequence: 0, granule: 0, isFirst: true, packets: [opusHead()] });
const tags = oggPage({ sequence: 1, granule: 0, packets: [opusTags()] });
const silence = (sequence: number, granule: number): Uint8Array =>
  oggPage({ sequence, granule, packets: Array.from({ length: 5 }, () => Uint8Array.of(0x1b, 0x02)) });
const firstOf = (packet: Uint8Array): Uint8Array =>
  oggPage({ sequence: 0, granule: 0, isFirst: true, packets: [packet] });
const stereo = read("stereo.opus");
const withByte = (at: number, value: number): Uint8Array => {
  const changed = opusHead();
  changed[at] = value;
  return changed;
};

refuses("Ogg", [
  ["a page and a half", concat(head, tags.subarray(0, 20)), "Ogg: the file is truncated, it ends inside a page"],
  [
    "a stream without its beginning",
    concat(tags, silence(2, 28_800)),
    "Ogg: the file does not begin with the start of a stream",
  ],
  ["a file that ends inside its headers", head, "Ogg: the file ends inside its headers"],
  ["headers without audio", concat(head, tags), "ogg-opus: the file has no samples"],
  ["Speex with an empty header", firstOf(concat("Speex   ", new Uint8Array(72))), "Speex: the header is broken"],
  [
    "Theora alone",
    firstOf(concat("\x80theora", new Uint8Array(40))),
    "unsupported_media: the body is Ogg with video alone",
  ],
  [
    "a stream of an unknown kind",
    firstOf(latin1("whatever it is")),
    "unsupported_media: the body is Ogg with an unknown",
  ],
  [
    "a first page without a packet",
    oggPage({ sequence: 0, granule: 0, isFirst: true, packets: [] }),
    "a stream begins without a header",
  ],
  ["Opus of a future version", concat(firstOf(withByte(8, 16)), tags), "Opus: version 16 of the format is not known"],
  [
    "Opus with a header cut short",
    concat(firstOf(opusHead().subarray(0, 15)), tags),
    "Opus: the identification header is broken",
  ],
  [
    "Opus with 3 channels in mapping family 0",
    concat(firstOf(withByte(9, 3)), tags),
    "family 0 has 1 or 2 channels, got 3",
  ],
  [
    "Opus with an unknown mapping family",
    concat(firstOf(withByte(18, 3)), tags),
    "Opus: channel mapping family 3 is not supported",
  ],
  [
    "Opus without its mapping table",
    concat(firstOf(withByte(18, 1)), tags),
    "Opus: the channel mapping table is broken",
  ],
  [
    "an Opus packet that breaks the framing rules",
    concat(head, tags, oggPage({ sequence: 2, granule: 960, packets: [Uint8Array.of(0x0b, 0)] })),
    "Ogg: 1 of 1 frames cannot be decoded",
  ],
  ["Vorbis without its setup header", concat(...vorbisPages(1)), "Ogg: the file ends inside its headers"],
  ["Vorbis with a broken setup header", concat(...vorbisPages(3)), "vorbis: the stream cannot be decoded"],
]);

const FTYP = concat(u32be(16), "ftypM4A ", u32(0));
const m4a = read("index-first.m4a");
const withoutBox = (file: string, type: string): Buffer => patch(file, type, "free");
const movedChunk = Buffer.from(m4a);
movedChunk.writeUInt32BE(0x7000_0000, movedChunk.indexOf("stco") + 12);
const fewerChunks = Buffer.from(m4a);
fewerChunks.writeUInt32BE(0, fewerChunks.indexOf("stsc") + 16);
const hugeSample = Buffer.from(m4a);
hugeSample.writeUInt32BE(0x7000_0000, hugeSample.indexOf("stsz") + 16);
const billions = Buffer.from(m4a);
billions.writeUInt32BE(1, billions.indexOf("stsz") + 8);
billions.writeUInt32BE(0xffff_ffff, billions.indexOf("stsz") + 12);
const noScale = Buffer.from(m4a);
noScale.writeUInt32BE(0, noScale.indexOf("mdhd") + 16);
const config = m4a.indexOf("esds") + 4 + 4 + 5 + 3 + 5 + 13 + 5;
const surround = Buffer.from(m4a);
surround[config + 1] = (surround[config + 1]! & 0x87) | (8 << 3);
const alac = Buffer.from(read("alac.m4a"));
alac.writeUInt32BE(0x8000_0000, alac.lastIndexOf("alac", undefined, "latin1") + 8);

refuses("MP4", [
  ["a file type and nothing else", FTYP, "MP4: the file has no index (moov box)"],
  ["media without an index", m4a.subarray(0, 28), "MP4: the file has no index"],
  ["a picture", concat(u32be(16), "ftypheic", u32(0)), "unsupported_media: the body is an image (HEIF)"],
  ["video without audio", read("video-only.mp4"), "unsupported_media: the body is video without an audio track"],
  ["an index without tracks", concat(FTYP, u32be(8), "moov"), "unsupported_media: the body is MP4 without any track"],
  [
    "a track without sample sizes",
    withoutBox("index-first.m4a", "stsz"),
    "MP4: the audio track has no table of sample sizes",
  ],
  ["a track without chunks", withoutBox("index-first.m4a", "stco"), "MP4: the audio track has no table of chunks"],
  ["a track without a codec", withoutBox("index-first.m4a", "stsd"), "MP4: the audio track does not name its codec"],
  [
    "a track without a decoder configuration",
    withoutBox("index-first.m4a", "esds"),
    "AAC: the decoder configuration is missing",
  ],
  ["an encrypted track", patch("index-first.m4a", "mp4a", "enca"), "MP4: the audio is encrypted"],
  [
    "a codec we do not have",
    patch("index-first.m4a", "mp4a", "ac-4"),
    "MP4: AC-4 (Dolby) is not supported: convert it with",
  ],
  ["chunks beyond the end of the file", movedChunk, "MP4: the file is truncated"],
  ["tables that contradict each other", fewerChunks, "MP4: the sample tables contradict each other"],
  ["a sample of a gigabyte", hugeSample, "MP4: a sample of 1879048192 bytes is too large"],
  ["four billion samples of one byte", billions, "invalid_audio: MP4"],
  ["a time scale of 0", noScale, "MP4: the audio track's time scale is 0"],
  ["an index of a gigabyte", concat(FTYP, u32be(1e9), "moov"), "MP4: the moov box is too large (999999992 bytes)"],
  ["a box that is smaller than its header", concat(FTYP, u32be(4), "moov"), "MP4: the file is damaged at byte 16"],
  [
    "a box that is larger than its parent",
    patch("index-first.m4a", "trak", "\x7f", -4),
    "MP4: a box is larger than the one around it",
  ],
  [
    "AAC with an undefined channel configuration",
    surround,
    "AAC: channel configuration 8 is not supported: convert it",
  ],
  ["ALAC packets of two billion samples", alac, "ALAC: a packet must have 1–65536 samples, got 2147483648"],
]);

const adts = read("adts.aac");
const adtsBlocks = everyFrame(adts, (frame) => (frame[6]! |= 1));
const adtsNoise = everyFrame(adts, (frame) => frame.fill(0xff, 9));

refuses("AAC", [
  ["ADTS with several blocks in a frame", adtsBlocks, "AAC: several blocks in one ADTS frame are not supported"],
  ["ADTS whose frames hold noise", adtsNoise, "frames cannot be decoded: export it again"],
]);

const EBML = Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 0x80);
const segment = (...parts: Uint8Array[]): Uint8Array =>
  concat(EBML, Uint8Array.of(0x18, 0x53, 0x80, 0x67, 0xff), ...parts);
const element = (id: readonly number[], body: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(...id, 0x40 | (body.length >> 8), body.length & 255), body);
const TRACKS = [0x16, 0x54, 0xae, 0x6b];
const track = (codec: string, ...more: Uint8Array[]): Uint8Array =>
  element(
    TRACKS,
    element(
      [0xae],
      concat(
        element([0xd7], Uint8Array.of(1)),
        element([0x83], Uint8Array.of(2)),
        element([0x86], latin1(codec)),
        ...more,
      ),
    ),
  );
const block = (...bytes: number[]): Uint8Array => element([0xa3], Uint8Array.of(0x81, 0, 0, ...bytes));
const opusPrivate = element([0x63, 0xa2], opusHead());
const encoded = element(
  [0x6d, 0x80],
  element([0x62, 0x40], element([0x50, 0x34], element([0x42, 0x54], Uint8Array.of(0)))),
);

refuses("WebM", [
  ["a header and nothing else", EBML, "WebM/Matroska: the file ends before its list of tracks"],
  ["no tracks", segment(element(TRACKS, new Uint8Array(0))), "unsupported_media: the body is WebM without any track"],
  ["video without audio", read("video-only.webm"), "unsupported_media: the body is video without an audio track"],
  [
    "tracks without audio packets",
    segment(track("A_OPUS", opusPrivate)),
    "WebM/Matroska: the file has no audio packets",
  ],
  ["audio before the tracks", segment(block(0x80, 1, 2)), "WebM/Matroska: the audio comes before the list of tracks"],
  [
    "a codec we do not have",
    segment(track("A_TRUEHD"), block(0x80, 1, 2)),
    "WebM/Matroska: Dolby TrueHD is not supported: convert it with",
  ],
  [
    "a compressed track",
    segment(track("A_OPUS", opusPrivate, encoded), block(0x80, 1, 2)),
    "WebM/Matroska: the track is encrypted or compressed",
  ],
  ["Opus without its header", segment(track("A_OPUS"), block(0x80, 1, 2)), "Opus: the identification header is broken"],
  ["Vorbis without its headers", segment(track("A_VORBIS"), block(0x80, 1, 2)), "Vorbis: the headers are broken"],
  [
    "a block that breaks the framing rules of Opus",
    segment(track("A_OPUS", opusPrivate), block(0x80, 0x0b, 0)),
    "WebM/Matroska: 1 of 1 frames cannot be decoded",
  ],
  [
    "a block that ends inside its head",
    segment(track("A_OPUS", opusPrivate), element([0xa3], Uint8Array.of(0x81))),
    "WebM/Matroska: a block is cut short",
  ],
  [
    "a block whose laces are longer than itself",
    segment(track("A_OPUS", opusPrivate), block(0x82, 1, 200, 1)),
    "WebM/Matroska: the lacing of a block is broken",
  ],
  [
    "an element that is larger than its parent",
    segment(element(TRACKS, Uint8Array.of(0xae, 0x8f, 0))),
    "WebM/Matroska: an element is larger than the one around it",
  ],
  [
    "an element of a gigabyte",
    segment(Uint8Array.of(...TRACKS, 0x08, 0x3b, 0x9a, 0xca, 0)),
    "WebM/Matroska: an element of 1000000000 bytes is too large",
  ],
  ["a byte that starts no element", segment(new Uint8Array(20)), "WebM/Matroska: the file is damaged at byte"],
  [
    "an element without an end that is not a cluster",
    segment(Uint8Array.of(0xec, 0xff), new Uint8Array(20)),
    "WebM/Matroska: the file is damaged before byte",
  ],
  [
    "a PCM track of 12 bits",
    segment(track("A_PCM/INT/LIT", element([0xe1], element([0x62, 0x64], Uint8Array.of(12)))), block(0x80, 1)),
    "PCM: 12 bits are not supported",
  ],
]);

describe("the table of bad inputs", () => {
  it("has a row for each of these cases, with its code", async () => {
    const page = readFileSync("docs/reference/bad-input/audio.md", "utf8");
    const missing: string[] = [];
    for (const [container, [name, bytes]] of all) {
      const row = `| ${container}: ${name} | \`${(await refusal(bytes)).replace(/:.*/s, "")}\``;
      if (!page.includes(row)) missing.push(row);
    }
    expect(missing).toEqual([]);
  });
});

describe("odd but sound", () => {
  it("a chain of mono and stereo keeps both", async () => {
    const mono = read("20ms.opus");
    const audio = await decodeAudio(inPieces(concat(mono, stereo)), {
      maxDurationMs: 1e6,
      signal: new AbortController().signal,
    });
    const frames = new Map<number, number>();
    for await (const { channels } of audio.blocks) {
      frames.set(channels.length, (frames.get(channels.length) ?? 0) + channels[0]!.length);
    }
    expect([...frames]).toEqual([
      [1, (await decodeAll(mono)).channels[0]!.length],
      [2, (await decodeAll(stereo)).channels[0]!.length],
    ]);
  });

  it("an MP3 whose header counts more frames than there are is a truncated one", async () => {
    const xing = Buffer.from(read("cbr-16k.mp3"));
    xing.writeUInt32BE(300, xing.indexOf("Info") + 8);
    expect((await decodeAll(xing)).warnings).toEqual([
      { code: "truncated", message: "MP3: the file is truncated, 251 of 300 frames are missing" },
    ]);
  });

  it("two WebM files in one are decoded one after the other", async () => {
    const webm = read("tiny.webm");
    const once = (await decodeAll(webm)).channels[0]!.length;
    expect((await decodeAll(concat(webm, webm))).channels[0]!.length).toBeGreaterThanOrEqual(2 * once);
  });

  it("FLAC frames beyond the count of STREAMINFO are decoded", async () => {
    const whole = (await decodeAll(flac)).channels[0]!;
    const miscounted = Buffer.from(flac);
    miscounted.writeUInt32BE(100, 8 + 14);
    expect((await decodeAll(miscounted)).channels[0]).toEqual(whole);
  });

  it("a track with its common first bytes stripped is put together again", async () => {
    const stripped = element(
      [0x6d, 0x80],
      element(
        [0x62, 0x40],
        element(
          [0x50, 0x34],
          concat(element([0x42, 0x54], Uint8Array.of(3)), element([0x42, 0x55], Uint8Array.of(0x1b))),
        ),
      ),
    );
    const webm = segment(track("A_OPUS", opusPrivate, stripped), block(0x80, 0x02), block(0x80, 0x02));
    expect((await decodeAll(webm)).channels[0]).toHaveLength(2 * 5760 - 312);
  });

  it("all three kinds of lacing hold the same packets", async () => {
    const packet = [0x1b, 0x02];
    for (const laced of [
      block(0x82, 1, 2, ...packet, ...packet),
      block(0x84, 1, ...packet, ...packet),
      block(0x86, 1, 0x82, ...packet, ...packet),
    ]) {
      const { channels } = await decodeAll(segment(track("A_OPUS", opusPrivate), laced));
      expect(channels[0]).toHaveLength(2 * 5760 - 312);
    }
  });

  it("the samples between two chained MP3 files of one kind stay", async () => {
    const { channels } = await decodeAll(concat(mp3.subarray(0, 20 * FRAME), noise.subarray(0, 5000), mp3));
    expect(channels[0]!.length).toBeGreaterThan((20 + 47) * 576);
  });
});

// ---

function u32be(value: number): Uint8Array {
  return u32(value).reverse();
}

/** The first `count` header pages of a Vorbis file; the third is broken. */
function vorbisPages(count: number): Uint8Array[] {
  const identification = concat(
    "\x01vorbis",
    u32(0),
    Uint8Array.of(1),
    u32(16_000),
    u32(0),
    u32(0),
    u32(0),
    Uint8Array.of(0xb8, 1),
  );
  return [
    firstOf(identification),
    oggPage({ sequence: 1, granule: 0, packets: [concat("\x03vorbis", u16(0))] }),
    oggPage({ sequence: 2, granule: 0, packets: [concat("\x05vorbis", new Uint8Array(80).fill(0x55))] }),
    oggPage({ sequence: 3, granule: 999, packets: [Uint8Array.of(0, 0)] }),
  ].slice(0, count === 3 ? 4 : count);
}

function everyFrame(stream: Buffer, change: (frame: Buffer) => void): Uint8Array {
  const bytes = Buffer.from(stream);
  for (let at = 0; at + 7 < bytes.length;) {
    const size = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
    change(bytes.subarray(at, at + size));
    at += size;
  }
  return new Uint8Array(bytes);
}
