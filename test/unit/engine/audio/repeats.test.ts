import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { concat, decodeAll } from "./helpers.ts";

const read = (file: string): Buffer => readFileSync(`test/fixtures/audio/${file}`);

describe("what is written twice is heard once", () => {
  const fragments = partsOf(read("fragmented.m4a"), (bytes, at) => bytes.toString("latin1", at + 4, at + 8) === "moof");
  const clusters = partsOf(read("clusters.webm"), (bytes, at) => bytes.readUInt32BE(at) === 0x1f43b675);
  const recordings: readonly [name: string, parts: readonly Buffer[]][] = [
    ["fragments of an MP4", fragments],
    ["clusters of a WebM", clusters],
  ];
  for (const [name, [head, ...parts]] of recordings) {
    test(`${name}: at once, later, and all of them`, async () => {
      const whole = await decodeAll(concat(head!, ...parts));
      expect(parts.length).toBeGreaterThan(2);
      const [a, b, ...rest] = parts;
      for (const order of [
        [a!, a!, b!, ...rest],
        [a!, b!, a!, ...rest],
        [...parts, b!],
        parts.flatMap((part) => [part, part]),
        [...parts, ...parts],
      ]) {
        const { channels, warnings } = await decodeAll(concat(head!, ...order));
        expect(channels).toEqual(whole.channels);
        expect(warnings).toEqual([]);
      }
    });

    test(`${name}: one that is missing is a pause, the others keep their times`, async () => {
      const [whole] = (await decodeAll(concat(head!, ...parts))).channels;
      const [gapped] = (await decodeAll(concat(head!, parts[0]!, ...parts.slice(2)))).channels;
      expect(Math.abs(gapped!.length - whole!.length)).toBeLessThan(0.025 * 48_000);
    });

    test(`${name}: a recording without its first part is read from the second one on`, async () => {
      const { channels } = await decodeAll(concat(head!, ...parts.slice(1)));
      expect(channels[0]!.length).toBeGreaterThan(4000);
    });
  }

  for (const file of ["aac.m2t", "mp2.m2t", "ac3.m2t"]) {
    test(`packets of an MPEG-TS: ${file}`, async () => {
      const bytes = read(file);
      const packets = Array.from({ length: bytes.length / 188 }, (_, i) => bytes.subarray(188 * i, 188 * (i + 1)));
      const whole = await decodeAll(bytes);
      const twice = await decodeAll(concat(...packets.flatMap((packet) => [packet, packet])));
      expect(twice.channels).toEqual(whole.channels);
      // A stretch of packets, as of a segment that was loaded twice.
      const starts = packets.flatMap((packet, i) => ((packet.readUInt16BE(1) & 0x5fff) === 0x4100 ? [i] : []));
      const from = starts[starts.length >> 2]!;
      const to = starts[(starts.length >> 1) + 1]!;
      const segment = await decodeAll(concat(...packets.slice(0, to), ...packets.slice(from)));
      expect(Math.abs(segment.channels[0]!.length - whole.channels[0]!.length)).toBeLessThan(0.1 * 48_000);
    });
  }
});

test("a clock that stands still loses nothing: other bytes at one time are other sound", async () => {
  const bytes = Buffer.from(read("fragmented.m4a"));
  const { channels } = await decodeAll(bytes);
  for (let at = bytes.indexOf("tfdt"); at >= 0; at = bytes.indexOf("tfdt", at + 1))
    bytes.fill(0, at + 8, at + 8 + (bytes[at + 4] === 1 ? 8 : 4));
  const still = (await decodeAll(bytes)).channels[0]!;
  expect(still.length).toBe(channels[0]!.length);
});

/** The file up to the first part, and the parts. */
function partsOf(bytes: Buffer, isStart: (bytes: Buffer, at: number) => boolean): Buffer[] {
  const starts: number[] = [];
  for (let at = 0; at + 8 <= bytes.length; at++) if (isStart(bytes, at)) starts.push(at);
  const mfra = bytes.indexOf("mfra") - 4;
  const cues = bytes.indexOf("1c53bb6b", 0, "hex");
  const end = [mfra, cues].find((at) => at > (starts[0] ?? 0)) ?? bytes.length;
  const cuts = [0, ...starts, end];
  const parts = cuts.slice(0, -1).map((from, i) => bytes.subarray(from, cuts[i + 1]));
  // The segment of a WebM ends where the body does.
  const segment = parts[0]!.indexOf("18538067", 0, "hex");
  if (segment >= 0) {
    const head = Buffer.from(parts[0]!);
    head.fill(0xff, segment + 5, segment + 12);
    head[segment + 4] = 0x01;
    parts[0] = head;
  }
  return parts;
}
