import { describe, expect, it } from "vitest";
import { en } from "../../../src/console/i18n/en.ts";
import type { TextKey } from "../../../src/console/i18n/en.ts";
import { ru } from "../../../src/console/i18n/ru.ts";
import { createEventReader } from "../../../src/console/wire/events.ts";
import type { ServerEvent } from "../../../src/console/wire/events.ts";

const keys = Object.keys(en) as TextKey[]; // a literal's own keys

describe("texts of the page", () => {
  it("exist in both languages with the same gaps", () => {
    const gaps = (text: string): string[] => [...new Set([...text.matchAll(/\{\w+\}/g)].map(([gap]) => gap))].sort();
    expect(Object.keys(ru).sort()).toEqual([...keys].sort());
    for (const key of keys) expect(gaps(ru[key]), key).toEqual(gaps(en[key]));
  });

  it("have two forms of a number in English and three in Russian", () => {
    for (const key of keys.filter((name) => en[name].includes("|"))) {
      expect(en[key].split("|"), key).toHaveLength(2);
      expect(ru[key].split("|"), key).toHaveLength(3);
    }
  });
});

describe("the reader of events", () => {
  it("gives the same events for every split of the stream", () => {
    const events = [
      { type: "progress", done_s: 1, total_s: 2 },
      { type: "final", text: "Привет <b>\n\ndata: x", committed: "", tentative: "", words: [] },
      { type: "warnings", warnings: [{ code: "truncated", message: "cut" }] },
    ];
    const stream = `: ping\n\n${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(": ping\n\n")}data: {"type":"par`;
    for (let at = 0; at <= stream.length; at++) {
      const seen: ServerEvent[] = [];
      const read = createEventReader((event) => seen.push(event));
      read(stream.slice(0, at));
      read(stream);
      expect(seen).toEqual(events);
    }
  });
});
