import { describe, expect, it } from "vitest";
import { closest, didYouMean, editDistance } from "../../../src/shared/suggest.ts";

describe("did you mean", () => {
  it("counts insertions, deletions, replacements and swaps of neighbours as one edit each", () => {
    expect(editDistance("port", "port")).toBe(0);
    expect(editDistance("prot", "port")).toBe(1);
    expect(editDistance("pot", "port")).toBe(1);
    expect(editDistance("portt", "port")).toBe(1);
    expect(editDistance("post", "port")).toBe(1);
    expect(editDistance("", "port")).toBe(4);
    expect(editDistance("kitten", "sitting")).toBe(3);
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
