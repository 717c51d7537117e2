import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { change, redo, startHistory, undo } from "../../../src/console/data/history.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

describe("undo", () => {
  it("takes back every step and brings it again", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { maxLength: 50 }), (values) => {
        let history = startHistory(-1.5);
        for (const value of values) history = change(history, value);
        const last = history.present;
        for (const _ of values) history = undo(history);
        expect(undo(history).present).toBe(-1.5);
        for (const _ of values) history = redo(history);
        expect(redo(history).present).toBe(last);
      }),
      fuzzRuns(100),
    );
  });

  it("takes the letters of one paragraph as one step", () => {
    let history = startHistory("");
    for (const text of ["a", "ab", "abc"]) history = change(history, text, "text 1");
    history = change(history, "abcd", "text 2");
    expect(undo(history).present).toBe("abc");
    expect(undo(undo(history)).present).toBe("");
  });

  it("begins a new step after an undo", () => {
    const history = change(undo(change(startHistory(""), "a", "text 1")), "b", "text 1");
    expect(undo(history).present).toBe("");
    expect(history.future).toEqual([]);
  });
});
