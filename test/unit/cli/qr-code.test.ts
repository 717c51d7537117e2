import { encode } from "uqr";
import { describe, expect, it } from "vitest";
import { qrCode } from "../../../src/cli/qr-code.ts";
import { createLiveView } from "../../../src/cli/live/view.ts";
import { paintFor } from "../../../src/cli/output.ts";
import { createPlainView } from "../../../src/supervisor/status/view.ts";
import { createTinyTerminal } from "./live/tiny-terminal.ts";

const URL_AT_HOME = "https://192.168.178.23:9876";
const UTF8 = { LANG: "ru_RU.UTF-8" };

/** Rows of modules, true = dark, of a picture in half blocks. */
function modules(picture: string): boolean[][] {
  return picture
    .split("\n")
    .flatMap((line) => [
      [...line].map((block) => block === " " || block === "▄"),
      [...line].map((block) => block === " " || block === "▀"),
    ]);
}

describe("the QR code of an address", () => {
  it("holds every module of the code with a light border of two", async () => {
    const { data, size } = encode(URL_AT_HOME, { border: 2 });
    const drawn = modules((await qrCode(URL_AT_HOME, { env: { ...UTF8, NO_COLOR: "1" }, flags: {} })) ?? "");
    // The last line of text may have half a line below the code.
    expect(drawn.slice(0, size)).toEqual(data);
    expect(drawn.slice(0, 2).flat()).not.toContain(true);
  });

  it("is light on dark by its own colours, unless colours are not wanted", async () => {
    // oxlint-disable-next-line no-control-regex -- colours are looked for
    const coloured = /^(?:\u001b\[40;97m[ ▀▄█]+\u001b\[0m\n?)+$/;
    expect(await qrCode(URL_AT_HOME, { env: UTF8, flags: {} })).toMatch(coloured);
    expect(await qrCode(URL_AT_HOME, { env: UTF8, flags: { "no-color": true } })).toMatch(/^[ ▀▄█\n]+$/);
  });

  it("is left out where the terminal has no blocks", async () => {
    expect(await qrCode(URL_AT_HOME, { env: { LC_ALL: "ru_RU.KOI8-R" }, flags: {} })).toBeUndefined();
    expect(await qrCode(URL_AT_HOME, { env: { ...UTF8, TERM: "dumb" }, flags: {} })).toBeUndefined();
  });

  it("is drawn in a terminal only; what is said keeps its lines in both views", () => {
    const act = { stop: () => {}, reload: () => {}, restart: () => {} };
    const live = { paint: paintFor({}, { env: {}, flags: {} }), keyboard: undefined, open: async () => false };
    for (const [make, picture] of [
      [createLiveView, ["█▀"]],
      [createPlainView, []],
    ] as const) {
      const out = createTinyTerminal();
      const view = make({ out, status: () => undefined, act, ...live });
      view.draw("\u001b[40;97m█▀\u001b[0m");
      view.say("the port is taken\n  → free it");
      view.close();
      expect(out.screen().map((row) => row.trimEnd())).toEqual([...picture, "the port is taken", "  → free it"]);
    }
  });
});
