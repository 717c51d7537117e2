import { describe, expect, it } from "vitest";
import { streamFigure } from "../../../../src/cli/bench/measure.ts";
import { streamCounts } from "../../../../src/cli/commands/bench.ts";

const good = { firstPartialMs: 400, wordLagsMs: [200, 300, 400], finalMs: 300, refused: undefined };

describe("whether streams keep up", () => {
  it("says yes when words and finals come in time", () => {
    expect(streamFigure(2, [good, good])).toEqual({
      streams: 2,
      firstPartialP50Ms: 400,
      wordLagP50Ms: 300,
      wordLagP95Ms: 400,
      finalP95Ms: 300,
      refused: 0,
      keptUp: true,
    });
  });

  it.each([
    ["a session was refused", { ...good, refused: "timeout" }],
    ["words came late", { ...good, wordLagsMs: [2100, 2200, 2300] }],
    ["the final came late", { ...good, finalMs: 2100 }],
    ["the final never came", { ...good, finalMs: undefined }],
    ["nothing was recognised", { ...good, wordLagsMs: [] }],
  ])("says no when %s", (_reason, result) => {
    expect(streamFigure(1, [result]).keptUp).toBe(false);
  });
});

it("adds streams one by one on small boxes and in larger steps above", () => {
  expect(streamCounts(20)).toEqual([1, 2, 3, 4, 6, 8, 12, 16]);
});
