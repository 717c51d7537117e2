import { describe, expect, it } from "vitest";
import { requestId, uuidV7 } from "../../../../src/runtime/http/request-id.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const clock = createManualClock();
const UUID7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

describe("requestId", () => {
  it("echoes a client's id of 1 to 128 safe characters", () => {
    for (const id of ["a", "A.b_c-9", "x".repeat(128)]) expect(requestId(id, clock)).toBe(id);
  });

  it.each(["", "x".repeat(129), "a b", "a\r\nb", "ключ", 'a"b', "a/b"])("makes a new UUIDv7 instead of %j", (id) => {
    expect(requestId(id, clock)).toMatch(UUID7);
  });

  it("makes a new one when the header is absent or repeated", () => {
    expect(requestId(undefined, clock)).toMatch(UUID7);
    expect(requestId(["a", "b"], clock)).toMatch(UUID7);
  });
});

describe("uuidV7", () => {
  it("carries the time in its first 48 bits, so that ids sort by time", () => {
    expect(uuidV7(0x0123456789ab).replaceAll("-", "").slice(0, 12)).toBe("0123456789ab");
    const ids = [1, 2, 3, 1e12, 1.8e12].map((ms) => uuidV7(ms));
    expect([...ids].sort()).toEqual(ids);
  });

  it("does not repeat", () => {
    expect(new Set(Array.from({ length: 10_000 }, () => uuidV7(1))).size).toBe(10_000);
  });
});
