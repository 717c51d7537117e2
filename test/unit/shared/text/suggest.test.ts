import { describe, expect, it } from "vitest";
import { closest, didYouMean } from "../../../../src/shared/text/suggest.ts";
import { editDistance } from "../../../../src/shared/text/edit-distance.ts";

describe("did you mean", () => {
  it("counts insertions, deletions, replacements and swaps of neighbours as one edit each", () => {
    expect(editDistance("port", "port", { swaps: true })).toBe(0);
    expect(editDistance("prot", "port", { swaps: true })).toBe(1);
    expect(editDistance("pot", "port", { swaps: true })).toBe(1);
    expect(editDistance("portt", "port", { swaps: true })).toBe(1);
    expect(editDistance("post", "port", { swaps: true })).toBe(1);
    expect(editDistance("", "port", { swaps: true })).toBe(4);
    expect(editDistance("kitten", "sitting", { swaps: true })).toBe(3);
  });
  it("suggests the nearest of several, not only the first", () => {
    expect(closest("maxDuratio", ["maxDurations", "maxDuration"])).toBe("maxDuration");
  });
  it("does not mind case, dashes and underscores", () => {
    expect(closest("IDLE_TIMEOUT", ["idleTimeout"])).toBe("idleTimeout");
    expect(closest("no-colour", ["no-color"])).toBe("no-color");
  });
  it("keeps silent when nothing is near", () => {
    expect(closest("transmogrify", ["port", "host"])).toBeUndefined();
    expect(closest("ab", ["xy"])).toBeUndefined();
    expect(closest("x".repeat(65), ["x".repeat(64)])).toBeUndefined();
    expect(didYouMean("zzz", ["port"])).toBe("");
    expect(didYouMean("prot", ["port"])).toBe("did you mean port?");
  });
});
