import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { FIRST_KEYS, pressKeys } from "../../../../src/cli/live/keys.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

describe("keys of the live view", () => {
  it("ask for actions, on a Latin and on a Russian keyboard", () => {
    for (const typed of ["rRoq\u0003", "кКщй\u0003"])
      expect(pressKeys(FIRST_KEYS, typed).actions).toEqual(["reload", "restart", "open", "stop", "stop"]);
  });

  it("go through the levels", () => {
    const levels = ["l", "ll", "lll", "llll"].map((typed) => pressKeys(FIRST_KEYS, typed).state.level);
    expect(levels).toEqual(["warn", "error", "debug", "info"]);
  });

  it("type a filter: letters are text, Backspace and Ctrl-U take back, Enter keeps, Esc clears, Ctrl-C still stops", () => {
    const typed = pressKeys(FIRST_KEYS, "fq\u0015ж\u007frestart");
    expect(typed).toEqual({ state: { level: "info", filter: "restart", isTyping: true }, actions: [] });
    expect(pressKeys(typed.state, "\u0003").actions).toEqual(["stop"]);
    const kept = pressKeys(typed.state, "\rq");
    expect(kept).toEqual({ state: { level: "info", filter: "restart", isTyping: false }, actions: ["stop"] });
    expect(pressKeys(typed.state, "\u001b").state).toEqual(FIRST_KEYS);
  });

  it("ignore arrows and function keys, and never keep control characters or long texts", () => {
    expect(pressKeys(FIRST_KEYS, "\u001b[A\u001b[1;5R\u001bOR\u001b[200~")).toEqual({ state: FIRST_KEYS, actions: [] });
    const key = oneof(
      string({ unit: "binary", maxLength: 3 }),
      constantFrom("f", "\r", "\u001b", "\u001b[D", "\u007f", "x".repeat(50)),
    );
    assert(
      property(array(key, { maxLength: 40 }), (typed) => {
        const { state } = pressKeys(FIRST_KEYS, typed.join(""));
        expect(state.filter.length).toBeLessThanOrEqual(61);
        expect(state.filter).not.toMatch(/\p{Cc}/u);
      }),
      fuzzRuns(2000),
    );
  });
});
