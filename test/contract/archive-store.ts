import * as fc from "fast-check";
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { FormattableTranscript } from "../../src/shared/transcript/transcript.ts";
import { errorCodeOf } from "../../src/shared/errors.ts";
import type { ArchiveQuery, ArchiveStore, FoundEntry, NewEntry } from "../../src/store/archive/types.ts";
import { fuzzCases } from "../support/fuzz.ts";

/** What one engine brings to the suite. Each call gives an empty archive. */
export type OpenArchive = () => Promise<ArchiveStore>;

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 5, 1, 12);

/** A transcript whose n-th word is spoken in second n. */
export function transcriptOf(text: string): FormattableTranscript {
  const words = text
    .split(" ")
    .filter((word) => word !== "")
    .map((word, n) => ({ word, start: n, end: n + 0.5, confidence: 0.9 }));
  return { text, words, durationS: words.length };
}

export function entryOf(text: string | readonly string[], changes: Partial<NewEntry> = {}): NewEntry {
  return {
    id: randomUUID(),
    createdMs: NOON,
    owner: "key a",
    source: "job",
    title: undefined,
    language: "ru",
    model: "m",
    transcripts: [text].flat().map(transcriptOf),
    ...changes,
  };
}

/** Everything that the runtime relies on, whatever keeps the archive. */
export function archiveStoreContract(name: string, open: OpenArchive): void {
  const using = async (work: (store: ArchiveStore) => Promise<void>): Promise<void> => {
    const store = await open();
    try {
      await work(store);
    } finally {
      await store.close();
    }
  };
  const search = async (store: ArchiveStore, text: string, more: Partial<ArchiveQuery> = {}): Promise<FoundEntry[]> => [
    ...(await store.search({ text, limit: 50, hits: 3, ...more })).found,
  ];

  describe(`archive contract: ${name}`, () => {
    test("a transcript comes back as it was added", () =>
      using(async (store) => {
        const entry = entryOf(["Ёлка на кухне.", "Да"], { title: "Совещание", source: "import" });
        expect(await store.add(entry)).toBe("added");
        expect(await store.add(entry)).toBe("known");
        const { transcripts, ...facts } = entry;
        expect(await store.get(entry.id)).toEqual({ ...facts, durationS: 3, words: 4, transcripts });
        expect(await store.get("nothing")).toBeUndefined();
        expect(await store.stats()).toEqual({ transcripts: 1, audioS: 3 });
      }));

    test.each([
      ["кухня", "Мы были на кухнях вчера"],
      ["КУХНЕ", "моя кухня"],
      ["елки", "Ёлка стоит"],
      ["ёлка", "две елки"],
      ["включи", "включить свет"],
      ["договором", "подписали договор, и всё"],
      ["meeting", "two meetings today"],
      ["замок", "за\u0301мок на горе"],
      ["3 5", "около 3,5 метра"],
      ["кто-то", "там кто-то был"],
      ["кто", "там кто-то был"],
      ["не", "это не он"],
      ["и", "он и она"],
      ["был не", "не он был"],
      ["кух*", "моя кухня"],
      ["кухн* свет*", "светлая кухня"],
      ["ёл*", "елка"],
      ["кто-т*", "там кто-то был"],
      ['"красная площадь"', "на красной площади"],
      ["«красная площадь»", "на красной площади"],
      ['"на красной', "на красной площади"],
      ["constructor", "the constructor of __proto__"],
    ])("%s is found in: %s", (question, text) =>
      using(async (store) => {
        await store.add(entryOf(text));
        await store.add(entryOf("совсем другое"));
        const found = await search(store, question);
        expect(found).toHaveLength(1);
        expect(found[0]?.hits.length).toBeGreaterThan(0);
      }),
    );

    test.each([
      ["кухня стол", "моя кухня"],
      ['"площадь красная"', "на красной площади"],
      ['"он она"', "он и она"],
      ["кухн", "моя кухня стоит"],
      ["кухнями*", "моя кухня"],
      ["лка*", "елка"],
      ["stems", "слово"],
      ["facts", "слово"],
      ["sjob", "слово"],
    ])("%s is not found in: %s", (question, text) =>
      using(async (store) => {
        await store.add(entryOf(text));
        // A stem that is a word itself finds its forms: the stemmer cannot know.
        const found = await search(store, question);
        expect(found).toHaveLength(question === "кухн" ? 1 : 0);
      }),
    );

    test("a phrase does not reach from one channel into the next, and words of several channels are found together", () =>
      using(async (store) => {
        await store.add(entryOf(["красная", "площадь"]));
        expect(await search(store, '"красная площадь"')).toEqual([]);
        expect(await search(store, "красная площадь")).toHaveLength(1);
      }));

    test("hits say word, times, surroundings and positions of what was asked for", () =>
      using(async (store) => {
        const text = "раз два три четыре пять шесть семь восемь девять <b>кухня</b> десять кухней сто";
        await store.add(entryOf(`${text} ${"и ".repeat(40)}кухни конец`));
        const [found] = await search(store, "кухня");
        expect(found?.matches).toBe(3);
        expect(found?.hits).toEqual([
          {
            word: 9,
            startS: 9,
            endS: 11.5,
            text: "два три четыре пять шесть семь восемь девять <b>кухня</b> десять кухней сто и и и и и и и",
            marks: [
              [45, 57],
              [65, 71],
            ],
          },
          expect.objectContaining({ word: 53, startS: 53, endS: 53.5, text: expect.stringMatching(/ кухни конец$/) }),
        ]);
        const { text: shown, marks } = found!.hits[0]!;
        expect(marks.map(([from, to]) => shown.slice(from, to))).toEqual(["<b>кухня</b>", "кухней"]);
        expect((await search(store, "кухня", { hits: 1 }))[0]?.hits).toHaveLength(1);
      }));

    test("pages go from new to old, and stay the same while others come and go", () =>
      using(async (store) => {
        const entries = Array.from({ length: 25 }, (_, n) => entryOf("слово", { createdMs: NOON + Math.floor(n / 3) }));
        for (const entry of entries) await store.add(entry);
        const ids = entries.map(({ id }) => id).reverse();
        for (const text of ["слово", undefined]) {
          const seen: string[] = [];
          let before: number | undefined;
          for (let page = 0; page < 5; page++) {
            const { found, hasMore } = await store.search({ text, limit: 6, hits: 0, before });
            seen.push(...found.map(({ id }) => id));
            before = found.at(-1)?.order;
            expect(hasMore).toBe(page < 4);
            // Newer ones do not move the pages.
            await store.add(entryOf("слово", { createdMs: NOON + DAY_MS }));
          }
          if (text !== undefined) expect(seen).toEqual(ids);
          else expect(seen.slice(5)).toEqual(ids);
        }
      }));

    test("filters by owner, source and time", () =>
      using(async (store) => {
        const a = entryOf("слово", { owner: "key a", createdMs: NOON });
        const b = entryOf("слово", { owner: 'k"ey b', source: "session", createdMs: NOON + DAY_MS });
        const c = entryOf("слово", { owner: "k'ey b", source: "session", createdMs: NOON + 2 * DAY_MS });
        for (const entry of [a, b, c]) await store.add(entry);
        for (const text of ["слово", undefined]) {
          const ids = async (more: Partial<ArchiveQuery>): Promise<string[]> =>
            (await store.search({ text, limit: 50, hits: 0, ...more })).found.map(({ id }) => id);
          expect(await ids({})).toEqual([c.id, b.id, a.id]);
          expect(await ids({ owner: 'k"ey b' })).toEqual([b.id]);
          expect(await ids({ owner: "key" })).toEqual([]);
          expect(await ids({ source: "session" })).toEqual([c.id, b.id]);
          expect(await ids({ source: "session", owner: "key a" })).toEqual([]);
          expect(await ids({ fromMs: NOON + DAY_MS })).toEqual([c.id, b.id]);
          expect(await ids({ toMs: NOON + DAY_MS })).toEqual([a.id]);
          expect(await ids({ fromMs: NOON + 1, toMs: NOON + 2 * DAY_MS })).toEqual([b.id]);
        }
      }));

    test("a deleted transcript is found no more and does not come back by itself; an import brings it back", () =>
      using(async (store) => {
        const entry = entryOf("тайное слово");
        await store.add(entry);
        expect(await store.remove(entry.id)).toBe(true);
        expect(await store.remove(entry.id)).toBe(false);
        expect(await search(store, "тайное")).toEqual([]);
        expect(await store.get(entry.id)).toBeUndefined();
        expect(await store.settled([entry.id, "other"])).toEqual([entry.id]);
        expect(await store.add(entry)).toBe("removed");
        expect(await store.add({ ...entry, source: "import" })).toBe("added");
        expect(await search(store, "тайное")).toHaveLength(1);
        while (await store.compact());
        expect(await search(store, "тайное")).toHaveLength(1);
        // Deleted before it was added.
        expect(await store.remove("early")).toBe(false);
        expect(await store.add({ ...entry, id: "early" })).toBe("removed");
      }));

    test("expires the oldest, a few at a time", () =>
      using(async (store) => {
        for (let n = 0; n < 5; n++) await store.add(entryOf("слово", { createdMs: NOON + n }));
        expect(await store.expire(NOON + 3, 2)).toBe(2);
        expect(await store.expire(NOON + 3, 2)).toBe(1);
        expect(await store.expire(NOON + 3, 2)).toBe(0);
        expect((await search(store, "слово")).map(({ createdMs }) => createdMs)).toEqual([NOON + 4, NOON + 3]);
      }));

    test("every word of a text is found in it, as any text asks, and its hit is that word", async () => {
      const store = await open();
      const word = fc.oneof(
        fc.constantFrom(
          "кухня",
          "Ёлка,",
          "кто-то",
          "3,5",
          "не",
          "и",
          "meetings",
          "—",
          "<b>",
          "м\u0438\u0306р",
          "C++",
          "й",
        ),
        fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => !/\s/.test(text) && text !== ""),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 30 }), fc.nat(), async (words, pick) => {
          const entry = entryOf("", {
            transcripts: [
              {
                text: words.join(" "),
                durationS: words.length,
                words: words.map((text, n) => ({ word: text, start: n, end: n + 0.5 })),
              },
            ],
          });
          await store.add(entry);
          const asked = words[pick % words.length]!; // at least one
          const hasTerm = /[\p{L}\p{N}]/u.test(asked.normalize("NFC").toLowerCase());
          const { found } = await store.search({ text: asked.replace(/["«»“”„*]/gu, " "), limit: 1, hits: 100 });
          if (hasTerm && asked.length <= 500) {
            expect(found[0]?.id).toBe(entry.id);
            expect(found[0]!.matches).toBeGreaterThan(0);
            for (const { text, marks } of found[0]!.hits) {
              for (const [from, to] of marks) expect(from >= 0 && from < to && to <= text.length).toBe(true);
            }
          }
          await store.remove(entry.id);
        }),
        { numRuns: fuzzCases(40) },
      );
      await store.close();
    });

    test("no question is an error of the engine: hostile ones find nothing or are refused with a code", async () => {
      const store = await open();
      await store.add(entryOf("слово и дело"));
      const hostile = fc.oneof(
        fc.constantFrom(
          '"',
          '""',
          '"""',
          "*",
          "a*",
          "**",
          "%",
          "_",
          "'; DROP TABLE entries; --",
          "\0",
          "сло\0во",
          "NEAR(слово дело, 2)",
          "слово AND",
          "OR",
          "NOT слово",
          "stems : слово",
          "{stems terms} : слово",
          "^слово",
          "слово + дело",
          "-слово",
          "(слово",
          "слово & | !",
          ":*",
          "\\",
          "слово:*A",
          "<->",
          "а".repeat(501),
          "а ".repeat(240),
          "\ud800",
          "слово\u2029дело",
          "🙂",
          "ﬁ",
          "İ",
        ),
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.string({
          unit: fc.constantFrom('"', "*", "с", "л", " ", "-", "(", ")", "'", ":", "%", "\0"),
          maxLength: 30,
        }),
      );
      await fc.assert(
        fc.asyncProperty(hostile, async (text) => {
          try {
            const { found } = await store.search({ text, limit: 5, hits: 3 });
            expect(found.length).toBeLessThanOrEqual(1);
          } catch (error) {
            expect(errorCodeOf(error)).toBe("GST_ARCHIVE_QUESTION");
          }
        }),
        { numRuns: fuzzCases(150) },
      );
      await store.close();
    });

    test("any transcript is kept: empty, without words, with odd times and characters", () =>
      using(async (store) => {
        const odd: FormattableTranscript[] = [
          { text: "", words: [], durationS: 0 },
          { text: "без времён слова", words: [], durationS: 7 },
          { text: "\0 \ud800 слово", words: [{ word: "\0сло во\ud800", start: Number.NaN, end: -1 }], durationS: 1e9 },
          {
            text: "x",
            words: [
              { word: "", start: 1e12, end: 1e13 },
              { word: "  x  ", start: 1, end: 2 },
            ],
            durationS: 1,
          },
        ];
        for (const transcript of odd) {
          const entry = entryOf("", { transcripts: [transcript], owner: "\ud800'\"%", title: "\u202e'" });
          expect(await store.add(entry)).toBe("added");
          expect((await store.get(entry.id))?.transcripts).toHaveLength(1);
        }
        expect(await store.add(entryOf("", { transcripts: [] }))).toBe("added");
        const [untimed] = await search(store, "словами");
        expect(untimed?.hits[0]).toMatchObject({ word: 2, startS: 0, endS: 7 });
        expect(await search(store, "слово во")).toHaveLength(0);
      }));
  });
}
