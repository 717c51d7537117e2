import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { A_LAW, MU_LAW, createPcm16Reader } from "../../../../../src/engine/audio/codec/pcm.ts";
import { join } from "../helpers.ts";
import { SEED } from "../../../../support/fuzz.ts";

describe("PCM16 reader", () => {
  it("scales to [-1, 1)", () => {
    const bytes = Uint8Array.of(0, 0, 0xff, 0x7f, 0, 0x80, 1, 0);
    expect(createPcm16Reader().push(bytes)).toEqual(Float32Array.of(0, 32767 / 32768, -1, 1 / 32768));
  });

  it("carries odd bytes over any split", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(5), { maxLength: 100 }), (bytes, sizes) => {
        const reader = createPcm16Reader();
        const parts: Float32Array[] = [];
        let at = 0;
        for (const size of sizes) {
          parts.push(reader.push(bytes.subarray(at, at + size)));
          at = Math.min(bytes.length, at + size);
        }
        parts.push(reader.push(bytes.subarray(at)));
        expect(join(parts)).toEqual(createPcm16Reader().push(bytes));
        expect(reader.pendingBytes).toBe(bytes.length % 2);
      }),
      { seed: SEED },
    );
  });

  it("does not keep the caller's bytes", () => {
    const reader = createPcm16Reader();
    const bytes = Uint8Array.of(0x34);
    reader.push(bytes);
    bytes[0] = 0xff;
    expect(reader.push(Uint8Array.of(0x12))[0]).toBe(0x1234 / 32768);
  });
});

describe("G.711", () => {
  it("agrees with the values of the standard", () => {
    // ITU-T G.191 decoder outputs, 16 bit.
    const aLaw = { 0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256, 0x80: 5504, 0x00: -5504, 0xff: 848 };
    for (const [code, value] of Object.entries(aLaw)) expect(A_LAW[Number(code)]! * 32768).toBe(value);
    const muLaw = { 0xff: 0, 0x7f: 0, 0x80: 32124, 0x00: -32124, 0xf0: 120, 0x70: -120, 0xc0: 1884 };
    for (const [code, value] of Object.entries(muLaw)) expect(Math.abs(MU_LAW[Number(code)]! * 32768 - value)).toBe(0);
  });
});
