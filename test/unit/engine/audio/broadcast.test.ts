import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { AMR_NB, amrPacketFrames } from "../../../../src/engine/audio/speech/amr.ts";
import { parseAc3Header } from "../../../../src/engine/audio/ac3/ac3.ts";
import { createPtsClock } from "../../../../src/engine/audio/ts/pes.ts";
import { parseAsfPacket } from "../../../../src/engine/audio/asf/packets.ts";
import { concat, decodeAll, latin1, refusal } from "./helpers.ts";

const read = (file: string): Buffer => readFileSync(`test/fixtures/audio/${file}`);
const codesOf = (warnings: readonly { code: string }[]): string[] => warnings.map(({ code }) => code);
const lengthMs = ({ channels, sampleRateHz }: { channels: Float32Array[]; sampleRateHz: number }): number =>
  (channels[0]!.length * 1000) / sampleRateHz;
/** When the sound begins, in milliseconds. */
const onsetMs = ({ channels, sampleRateHz }: { channels: Float32Array[]; sampleRateHz: number }): number =>
  (channels[0]!.findIndex((value) => Math.abs(value) > 0.01) * 1000) / sampleRateHz;

describe("a transport stream", () => {
  test("begins as late as its time stamps say, and the track is chosen by number or language", async () => {
    const alone = onsetMs(await decodeAll(read("mp2.m2t")));
    for (const [track, delayMs] of [
      [undefined, 700],
      ["0", 700],
      ["eng", 700],
      ["1", 1500],
      ["ru", 1500],
    ] as const) {
      const decoded = await decodeAll(read("two-tracks.m2t"), track === undefined ? {} : { track });
      expect(Math.abs(onsetMs(decoded) - alone - delayMs)).toBeLessThan(40);
    }
    expect(await refusal(read("two-tracks.m2t"), { track: "fra" })).toContain("the file has 0 (eng), 1 (rus)");
  });

  test("cut out of another one anywhere is read from its next program map on", async () => {
    const whole = lengthMs(await decodeAll(concat(read("ac3.m2t"), read("ac3.m2t"))));
    for (const from of [1, 187, 188, 500, 3000]) {
      const decoded = await decodeAll(concat(read("ac3.m2t"), read("ac3.m2t")).subarray(from));
      expect(lengthMs(decoded)).toBeGreaterThan(whole / 2 - 100);
    }
  });

  test("packets of 192 and 204 bytes are the same as those of 188", async () => {
    const packets = read("aac.m2t");
    const wanted = await decodeAll(packets);
    for (const [before, behind] of [
      [4, 0],
      [0, 16],
    ] as const) {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < packets.length; at += 188) {
        parts.push(new Uint8Array(before), packets.subarray(at, at + 188), new Uint8Array(behind));
      }
      expect((await decodeAll(concat(...parts))).channels).toEqual(wanted.channels);
    }
  });

  test("two that were joined are both read, whatever their clocks say", async () => {
    const one = lengthMs(await decodeAll(read("mp2.m2t")));
    expect(Math.abs(lengthMs(await decodeAll(concat(read("mp2.m2t"), read("mp2.m2t")))) - 2 * one)).toBeLessThan(60);
  });

  test("damage costs what it hits", async () => {
    const bytes = read("mp2.m2t");
    bytes.fill(0x55, 188 * 20, 188 * 22 + 50);
    const decoded = await decodeAll(bytes);
    expect(codesOf(decoded.warnings)).toContain("damaged");
    expect(lengthMs(decoded)).toBeGreaterThan(1400);
  });

  test("without a program map it is refused, and encrypted audio is named", async () => {
    const noise = new Uint8Array(188 * 8).map((_, i) =>
      i % 188 === 0 ? 0x47 : i % 188 === 3 ? 0x10 : i % 188 < 10 ? 0 : 0x5a,
    );
    expect(await refusal(noise)).toContain("MPEG-TS: it does not say what its streams are (no program map)");
    const locked = read("mp2.m2t");
    for (let at = 0; at < locked.length; at += 188) {
      const pid = ((locked[at + 1]! & 0x1f) << 8) | locked[at + 2]!;
      if (pid === 256) locked[at + 3]! |= 0x80;
    }
    expect(await refusal(locked)).toContain("MPEG-TS: the audio is encrypted: send it without copy protection");
  });

  test("its clock goes on where it jumps, and where it wraps", () => {
    const clock = createPtsClock(2 ** 33 - 90_000);
    expect([2 ** 33 - 90_000, 0, 90_000, 900_000_000, 900_090_000].map(clock)).toEqual([0, 0, 1, 1, 2]);
  });
});

describe("AMR", () => {
  test("pauses that the sender left out keep their time, as silence", async () => {
    const spoken = await decodeAll(read("amr-nb.amr"));
    const paused = await decodeAll(read("amr-nb-pauses.amr"));
    expect(lengthMs(paused)).toBe(lengthMs(spoken));
    expect(Math.abs(onsetMs(paused) - onsetMs(spoken))).toBeLessThan(25);
  });

  test("torn frames are passed over, and a cut last one is reported", async () => {
    const bytes = read("amr-nb.amr");
    const torn = await decodeAll(concat(bytes.subarray(0, 700), bytes.subarray(705)));
    expect(codesOf(torn.warnings)).toEqual(["damaged"]);
    expect(lengthMs(torn)).toBeGreaterThan(1500);
    expect(codesOf((await decodeAll(bytes.subarray(0, -5))).warnings)).toEqual(["truncated"]);
  });

  test("files of both kinds that were joined are read one after the other", async () => {
    const both = await decodeAll(concat(read("amr-nb.amr"), read("amr-nb.amr"), read("amr-wb.awb")));
    expect(both.warnings).toEqual([]);
    expect(both.channels[0]!.length).toBe(2 * 84 * 160 + 84 * 320);
  });

  test("several channels are refused by name; a packet of several frames is counted", async () => {
    expect(await refusal(latin1("#!AMR_MC1.0\n1234"))).toContain("AMR: several channels are not supported: convert it");
    const frame = read("amr-nb.amr").subarray(6, 38);
    expect(amrPacketFrames(concat(frame, frame, frame.subarray(0, 10)), AMR_NB)).toBe(320);
  });
});

describe("GSM 6.10 without a header", () => {
  test("is found again behind lost bytes", async () => {
    const bytes = read("gsm.gsm");
    const torn = await decodeAll(concat(bytes.subarray(0, 1400), bytes.subarray(1405)));
    expect(codesOf(torn.warnings)).toEqual(["damaged"]);
    expect(lengthMs(torn)).toBeGreaterThan(1600);
  });
});

describe("AC-3", () => {
  test("joined with E-AC-3 both are read", async () => {
    const [one, two] = [await decodeAll(read("ac3.ac3")), await decodeAll(read("eac3.eac3"))];
    const both = await decodeAll(concat(read("ac3.ac3"), read("eac3.eac3")));
    expect(lengthMs(both)).toBe(lengthMs(one) + lengthMs(two));
  });

  test("headers with reserved fields are none", () => {
    const header = [...read("ac3.ac3").subarray(0, 7)];
    expect(parseAc3Header(Uint8Array.from(header), 0)).toMatchObject({
      codec: "AC-3",
      sampleRateHz: 48_000,
      samples: 1536,
    });
    expect(parseAc3Header(Uint8Array.from([...header.slice(0, 4), 0xff, ...header.slice(5)]), 0)).toBeUndefined();
    expect(parseAc3Header(Uint8Array.from([...header.slice(0, 5), 0xff, header[6]!]), 0)).toBeUndefined();
  });
});

describe("Windows Media", () => {
  test("cut anywhere behind its header it gives what it has, with a warning", async () => {
    const bytes = read("wma2.wma");
    const whole = lengthMs(await decodeAll(bytes));
    for (const keep of [0.5, 0.7, 0.95]) {
      const cut = await decodeAll(bytes.subarray(0, Math.round(bytes.length * keep)));
      expect(codesOf(cut.warnings)).toContain("truncated");
      expect(lengthMs(cut)).toBeGreaterThan(0);
      expect(lengthMs(cut)).toBeLessThanOrEqual(whole);
    }
  });

  test("encrypted audio and a broken header are refused", async () => {
    const locked = read("wma2.wma");
    const at = locked.indexOf(Buffer.from("9107dcb7b7a9cf118ee600c00c205365", "hex"));
    locked[at + 24 + 49]! |= 0x80;
    expect(await refusal(locked)).toContain("ASF: the audio is encrypted: send it without copy protection");
    expect(await refusal(read("wma2.wma").subarray(0, 100))).toContain("ASF: the file ends inside its header");
  });

  test("a packet that contradicts itself is an error of that packet", () => {
    expect(() => [...parseAsfPacket(Uint8Array.from([0x82, 0, 0, 0xff]))]).toThrow("ASF: a pa");
  });
});

describe("Speex", () => {
  test("of the wider band is as long as that of the narrow one", async () => {
    const [narrow, wide] = [await decodeAll(read("speex.ogg")), await decodeAll(read("speex-16k.ogg"))];
    expect(wide.sampleRateHz).toBe(16_000);
    expect(Math.abs(lengthMs(wide) - lengthMs(narrow))).toBeLessThan(10);
    expect(Math.abs(onsetMs(wide) - onsetMs(narrow))).toBeLessThan(20);
  });
});
