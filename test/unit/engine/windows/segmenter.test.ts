import { array, assert, boolean, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { createSegmenter, type SegmenterEvent, type Span } from "../../../../src/engine/windows/segmenter.ts";

const OPTIONS = { minSilence: 60, merge: 0, max: 800 };

function run(flags: readonly boolean[], options = OPTIONS): Span[] {
  const segmenter = createSegmenter(options);
  const spans: Span[] = [];
  const take = (event: SegmenterEvent | undefined): void => {
    if (event?.type === "pause") spans.push(event.span);
    if (event?.type === "limit") {
      const at = event.pause ? (event.pause.from + event.pause.to) >> 1 : event.span.to;
      segmenter.cutAt(at, 0);
      spans.push({ from: event.span.from, to: at });
    }
  };
  for (const flag of flags) take(segmenter.push(flag));
  const rest = segmenter.end();
  if (rest) spans.push(rest);
  return spans;
}

const stretch = (speech: boolean, frames: number): boolean[] => Array.from({ length: frames }, () => speech);

test("an utterance runs from before its first speech to after its last", () => {
  expect(run([...stretch(false, 100), ...stretch(true, 50), ...stretch(false, 100)])).toEqual([{ from: 60, to: 210 }]);
});

test("a pause shorter than the endpoint joins, a longer one parts", () => {
  const speech = stretch(true, 100);
  expect(run([...speech, ...stretch(false, 59), ...speech, ...stretch(false, 200)]).length).toBe(1);
  expect(run([...speech, ...stretch(false, 60), ...speech, ...stretch(false, 200)]).length).toBe(2);
});

test("a click is no utterance", () => {
  expect(run([...stretch(false, 100), ...stretch(true, 3), ...stretch(false, 200)])).toEqual([]);
});

test("a long utterance is cut in the middle of its longest pause", () => {
  const flags = [
    ...stretch(true, 270),
    ...stretch(false, 22),
    ...stretch(true, 108),
    ...stretch(false, 30),
    ...stretch(true, 500),
  ];
  expect(run(flags)[0]).toEqual({ from: 0, to: 415 });
});

test.each([
  { length: 240, pause: 59, ends: false },
  { length: 400, pause: 40, ends: false },
  { length: 400, pause: 48, ends: true },
  { length: 600, pause: 20, ends: false },
  { length: 600, pause: 26, ends: true },
  { length: 720, pause: 11, ends: false },
  { length: 720, pause: 14, ends: true },
])("after $length frames a pause of $pause ends an utterance: $ends", ({ length, pause, ends }) => {
  const [first] = run([...stretch(true, length), ...stretch(false, pause), ...stretch(true, 60)]);
  expect(first!.to > length + pause).toBe(!ends);
});

test("short utterances are merged until they are long enough", () => {
  const flags = Array.from({ length: 6 }, () => [...stretch(true, 100), ...stretch(false, 80)]).flat();
  expect(run(flags, { ...OPTIONS, merge: 300 })).toEqual([
    { from: 0, to: 483 },
    { from: 500, to: 858 },
    { from: 860, to: 1060 },
  ]);
});

test("spans never overlap, stay under the limit and hold every stretch of speech", () => {
  assert(
    property(
      array(record({ speech: boolean(), frames: integer({ min: 1, max: 400 }) }), { maxLength: 30 }),
      (parts) => {
        const flags = parts.flatMap((part) => stretch(part.speech, part.frames));
        const spans = run(flags);
        let before = 0;
        for (const span of spans) {
          expect(span.from).toBeGreaterThanOrEqual(before);
          expect(span.to - span.from).toBeLessThanOrEqual(OPTIONS.max);
          expect(span.to).toBeLessThanOrEqual(flags.length);
          before = span.to;
        }
        // Every solid stretch of speech lies in spans, frame by frame.
        let at = 0;
        for (let k = 0; k < parts.length; k++) {
          const part = parts[k]!;
          if (part.speech && part.frames >= 13) {
            for (let frame = at; frame < at + part.frames; frame++) {
              expect(spans.some((span) => frame >= span.from && frame < span.to)).toBe(true);
            }
          }
          at += part.frames;
        }
      },
    ),
  );
});
