import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FOREIGN } from "../../../../src/engine/audio/sniff-foreign.ts";
import { sniff } from "../../../../src/engine/audio/sniff.ts";
import { concat, decodeAll, latin1, refusal } from "./helpers.ts";

const read = (file: string): Buffer => readFileSync(`test/fixtures/audio/${file}`);
const FILES = [
  "16k.flac",
  "20ms.opus",
  "opus.webm",
  "index-last.m4a",
  "adts.aac",
  "cbr-16k.mp3",
  "aac.mka",
  "pcm_s16be.mov",
];
const clip = readFileSync("test/fixtures/eval/dev_espeak_07.wav").subarray(44);
const S16LE = { codec: "s16le", sampleRateHz: 16_000 } as const;

describe("a part of a recording without the header of its first part", () => {
  const parts = [
    ["WebM", read("opus.webm").subarray(read("opus.webm").indexOf("1f43b675", "hex"))],
    ["MP4", read("fragmented.m4a").subarray(read("fragmented.m4a").indexOf("moof") - 4)],
    ["MP4", concat("\0\0\0\x10styp", "msdh", new Uint8Array(4), read("fragmented.m4a").subarray(900))],
  ] as const;
  for (const [kind, bytes] of parts) {
    test(`is named: ${kind}`, async () => {
      expect(await refusal(bytes)).toBe(
        `unsupported_media: the body is a later part of ${kind === "MP4" ? "an MP4" : "a WebM"} recording: ` +
          "send the whole recording from its first part on: only that has the header",
      );
    });
    test(`is not read as samples: ${kind}`, async () => {
      expect(await refusal(bytes, { headerless: S16LE })).toContain("leave out codec=");
    });
  }
});

describe("what curl --data leaves of a file", () => {
  const clipped = (bytes: Uint8Array): Uint8Array => bytes.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13);
  /** curl 7.88 drops everything from a NUL or a carriage return to the end of the line. */
  const dropped = (bytes: Uint8Array): Uint8Array =>
    latin1(
      Buffer.from(bytes)
        .toString("latin1")
        .split("\n")
        .map((line) => line.replace(/[\0\r].*/s, ""))
        .join(""),
    );
  for (const file of [...FILES, "../eval/dev_espeak_07.wav"]) {
    test(`is named: ${file}`, async () => {
      for (const bytes of [clipped(read(file)), dropped(read(file))]) {
        if (bytes.length < 1024) continue;
        expect(await refusal(bytes)).toMatch(
          /lost bytes on the way: send the file unchanged \(curl: --data-binary @FILE/,
        );
      }
    });
  }
});

describe("audio without a header", () => {
  const muLaw = Uint8Array.from({ length: clip.length >> 1 }, (_, i) => encodeMuLaw(clip.readInt16LE(2 * i)));

  test("is recognised by its smoothness, and the parameters are named", async () => {
    expect(await refusal(muLaw)).toContain("add codec=pcmu and sample_rate=8000");
    expect(await refusal(clip)).toContain("add codec=s16le and sample_rate=16000");
  });

  test("noise gets no advice that would turn it into words", async () => {
    const noise = Uint8Array.from({ length: 40_000 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 24) | 0);
    expect(await refusal(noise)).not.toContain("codec=");
  });

  test("that begins like a UTF-16 mark is not taken for text, and real UTF-16 is", async () => {
    expect(await refusal(concat(Uint8Array.of(0xff, 0xfe), muLaw))).not.toContain("text");
    const text = Buffer.from(`\uFEFF${"Съешь ещё этих мягких французских булок. ".repeat(40)}`, "utf16le");
    expect(await refusal(text)).toContain("the body is text (UTF-16)");
  });
});

test("zeros in front of a file are skipped, up to 64 KiB", async () => {
  for (const file of ["cbr-16k.mp3", "16k.flac", "20ms.opus", "adts.aac", "../eval/dev_espeak_07.wav"]) {
    const whole = (await decodeAll(read(file))).channels[0]!;
    for (const zeros of [16, 4096, 60_000]) {
      expect((await decodeAll(concat(new Uint8Array(zeros), read(file)))).channels[0]).toEqual(whole);
    }
  }
});

test("a stream that begins behind 30 kB of something else is found", async () => {
  const junk = new Uint8Array(30_000).map((_, i) => (i * 7919) & 0x7f);
  expect((await decodeAll(concat(junk, read("no-header.mp3")))).channels[0]!.length).toBeGreaterThan(20_000);
});

describe("formats that are not decoded are named, with the command that converts them", () => {
  const heads: readonly [name: string, head: Uint8Array][] = [
    ["DTS", latin1("\x7f\xfe\x80\x01")],
    ["Flash video", latin1("FLV\x01\x05")],
    ["AVI video", latin1("RIFF\x10\x10\x10\x10AVI LIST")],
    ["WavPack", latin1("wvpk")],
    ["RealMedia", latin1(".RMF\0\0\0\x12")],
    ["QCELP or EVRC", latin1("RIFF\x10\x10\x10\x10QLCMfmt ")],
    [
      "SBC",
      concat(
        ...Array.from({ length: 8 }, () => concat(Uint8Array.of(0x9c, 0xb1, 0x1f), new Uint8Array(67).fill(0x5a))),
      ),
    ],
  ];
  for (const [name, head] of heads) {
    test(`${name} is named, with its conversion`, async () => {
      const told = await refusal(concat(head, new Uint8Array(2000).fill(0x31)));
      expect(told).toMatch(new RegExp(`^unsupported_media: the body is ${name}`));
      expect(told).toMatch(/: convert it with ffmpeg -i FILE -ac 1 -ar 16000 OUT\.wav$/);
    });
  }
});

test("every format that has a name is found by its first bytes, by no other name", async () => {
  for (const { what, magic, at = 0, and } of FOREIGN) {
    const head = new Uint8Array(4096).fill(0x31);
    head.set(latin1(magic), at);
    if (and) head.set(latin1(and.magic), and.at ?? 0);
    expect(sniff(head)).toMatchObject({ kind: "foreign", what });
    expect(await refusal(head)).toContain(`unsupported_media: the body is ${what}: `);
  }
});

/** ITU-T G.711. */
function encodeMuLaw(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
}
