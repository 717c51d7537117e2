import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { concat, decodeAll } from "./helpers.ts";

const read = (file: string): Buffer => Buffer.from(readFileSync(`test/fixtures/audio/${file}`));

/** A number in a header that says how much sound there is. */
interface Count {
  readonly name: string;
  /** Text in front of the number, and the distance from its start. */
  readonly at: readonly [text: string, offset: number];
  readonly kind: "u32le" | "u32be" | "u64le" | "u64be" | "u36be";
}

const DATA: Count = { name: "data", at: ["data", 4], kind: "u32le" };
const FACT: Count = { name: "fact", at: ["fact", 8], kind: "u32le" };
const WAVE: readonly Count[] = [DATA, FACT];
const AIFF: readonly Count[] = [
  { name: "SSND", at: ["SSND", 4], kind: "u32be" },
  { name: "COMM", at: ["COMM", 10], kind: "u32be" },
];
const CAF: Count = { name: "data", at: ["data\0", 4], kind: "u64be" };
const FILES: Readonly<Record<string, readonly Count[]>> = {
  "tiny.wav": [DATA],
  "adpcm_ima_wav.wav": WAVE,
  "adpcm_ms-stereo.wav": WAVE,
  "gsm.wav": WAVE,
  "g722.wav": WAVE,
  "g723_1.wav": WAVE,
  "g726.wav": WAVE,
  "mp3.wav": [DATA],
  "pcm.w64": [{ name: "data", at: ["data\xf3\xac\xd3\x11", 16], kind: "u64le" }],
  "pcm_s24be.aiff": AIFF,
  "ima4.aiff": AIFF,
  "pcm_mulaw.au": [{ name: "length", at: [".snd", 8], kind: "u32be" }],
  "pcm.caf": [CAF],
  "ima4-stereo.caf": [CAF, { name: "pakt", at: ["pakt", 20], kind: "u64be" }],
  "16k.flac": [{ name: "total", at: ["fLaC", 18], kind: "u36be" }],
  "vbr-16k.mp3": [{ name: "Xing", at: ["Xing", 8], kind: "u32be" }],
};
const LIES: Readonly<Record<string, (truth: number, most: number) => number>> = {
  "is 0": () => 0,
  "is 1": () => 1,
  "is half": (truth) => Math.floor(truth / 2),
  "is 64 less": (truth) => Math.max(0, truth - 64),
  "is 8 more": (truth) => truth + 8,
  "is doubled": (truth) => truth * 2,
  "is all ones": (_, most) => most,
};

describe("a header that lies about the length", () => {
  for (const [file, counts] of Object.entries(FILES)) {
    it(`${file}: every sample is read`, async () => {
      const truth = read(file);
      const whole = await decodeAll(truth);
      const rows: string[] = [];
      for (const count of counts) {
        if (truth.indexOf(count.at[0], 0, "latin1") < 0) continue;
        for (const [lie, change] of Object.entries(LIES)) {
          const { channels } = await decodeAll(told(truth, count, change));
          // What the right number cuts off as padding may be heard; of the sound nothing may be missing.
          const missing = whole.channels[0]!.length - channels[0]!.length;
          if (missing > PADDING) rows.push(`${count.name} ${lie}: ${missing} samples are missing`);
        }
      }
      expect(rows).toEqual([]);
    });
  }
});

/** Where an MP3 goes on behind its counted frames, the padding of the encoder is cut. */
const PADDING = 1105;

function told(
  bytes: Buffer,
  { at: [text, offset], kind }: Count,
  change: (truth: number, most: number) => number,
): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(text, 0, "latin1") + offset;
  if (kind === "u32le") copy.writeUInt32LE(change(copy.readUInt32LE(at), 0xffff_ffff), at);
  else if (kind === "u32be") copy.writeUInt32BE(change(copy.readUInt32BE(at), 0xffff_ffff), at);
  else {
    const isLittle = kind === "u64le";
    const found = isLittle ? copy.readBigUInt64LE(at) : copy.readBigUInt64BE(at);
    const mask = kind === "u36be" ? (1n << 36n) - 1n : 2n ** 64n - 1n;
    const lie = change(Number(found & mask), -1);
    const value = (found & ~mask & (2n ** 64n - 1n)) | (BigInt(lie) & mask);
    if (isLittle) copy.writeBigUInt64LE(value, at);
    else copy.writeBigUInt64BE(value, at);
  }
  return copy;
}

describe("bytes that are not audio", () => {
  const junk = { "a form's boundary": "\r\n--boundary--\r\n", words: "garbage!garbage!", "two bytes": "\r\n" };
  for (const file of ["index-last.m4a", "index-first.m4a", "fragmented.m4a", "tiny.wav", "cbr-16k.mp3", "adts.aac"]) {
    it.each(Object.entries(junk))(`${file}: %s behind it are left out`, async (_, text) => {
      const whole = await decodeAll(read(file));
      const found = await decodeAll(concat(read(file), text));
      expect(Math.abs(found.channels[0]!.length - whole.channels[0]!.length)).toBeLessThan(16);
    });
  }

  for (const file of ["cbr-16k.mp3", "adts.aac"]) {
    it(`${file}: what a power cut left as zeros takes nothing else away`, async () => {
      const bytes = read(file);
      const zeros = new Uint8Array(200_000);
      const whole = (await decodeAll(bytes)).channels[0]!.length;
      expect((await decodeAll(concat(bytes, zeros))).channels[0]!.length).toBe(whole);
      const torn = await decodeAll(
        concat(bytes.subarray(0, bytes.length >> 1), zeros, bytes.subarray(bytes.length >> 1)),
      );
      expect(torn.channels[0]!.length).toBeGreaterThan(whole - 4 * 1152);
      expect(torn.warnings.map(({ code }) => code)).toContain("damaged");
    });
  }

  it("a WAV chunk of odd length without its pad byte", async () => {
    const bytes = read("tiny.wav");
    const at = bytes.indexOf("data");
    const list = concat("LIST", Uint8Array.of(5, 0, 0, 0), "INFOx");
    const found = await decodeAll(concat(bytes.subarray(0, at), list, bytes.subarray(at)));
    expect(found.channels[0]).toEqual((await decodeAll(bytes)).channels[0]);
  });

  it("an Ogg page that comes twice is read once", async () => {
    const bytes = read("pages.opus");
    const starts: number[] = [];
    for (let at = bytes.indexOf("OggS"); at >= 0; at = bytes.indexOf("OggS", at + 4)) starts.push(at);
    const [from, to] = [starts[3]!, starts[4]!];
    const found = await decodeAll(concat(bytes.subarray(0, to), bytes.subarray(from)));
    expect(found.channels[0]).toEqual((await decodeAll(bytes)).channels[0]);
    expect(found.warnings).toEqual([{ code: "damaged", message: "Ogg: page 3 comes again or too late" }]);
  });
});
