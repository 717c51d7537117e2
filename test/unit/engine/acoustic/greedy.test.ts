import { expect, test } from "vitest";
import { decodeGreedy, probabilityOf, type Transducer } from "../../../../src/engine/acoustic/greedy.ts";

/** A transducer that emits `plan[frame]` one after the other; remembers how it was asked. */
function planned(plan: readonly (readonly number[])[], maxBlock: number) {
  const blank = 9;
  const emitted = plan.map(() => 0);
  let current = 0;
  const calls = { advance: 0, joint: 0 };
  const transducer: Transducer<undefined> = {
    classes: 10,
    blank,
    maxBlock,
    logSoftmaxed: true,
    start: () => Promise.resolve(undefined),
    predict() {
      calls.advance++;
      emitted[current] = (emitted[current] ?? 0) + 1;
      return Promise.resolve(undefined);
    },
    jointOf: () => Promise.reject(new Error("greedy follows one reading")),
    joint(_prediction, first, count) {
      calls.joint++;
      const scores = new Float32Array(count * 10).fill(-10);
      for (let row = 0; row < count; row++) {
        const token = plan[first + row]![emitted[first + row]!] ?? blank;
        scores[row * 10 + token] = -0.1;
      }
      current = first;
      while (current < first + count && plan[current]![emitted[current]!] === undefined) current++;
      return Promise.resolve(scores);
    },
  };
  return { transducer, calls };
}

const plan = [[], [], [1, 2], [], [], [], [], [3], [], [], [4, 5, 6], []];

test.each([1, 2, 16])("emits tokens at their frames with blocks of up to %i frames", async (maxBlock) => {
  const { transducer, calls } = planned(plan, maxBlock);
  const tokens = await decodeGreedy(transducer, plan.length, 10);
  expect([...tokens.ids]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...tokens.frames]).toEqual([2, 2, 7, 10, 10, 10]);
  expect(calls.advance).toBe(6);
});

test("blocks need fewer joint calls than frames", async () => {
  const silent = Array.from({ length: 250 }, () => []);
  const { transducer, calls } = planned(silent, 16);
  await decodeGreedy(transducer, silent.length, 10);
  expect(calls.joint).toBeLessThan(20);
  expect(calls.advance).toBe(0);
});

test("a frame gives at most so many symbols, then the next frame goes on with the state", async () => {
  const { transducer } = planned([[1, 2, 3, 4], []], 4);
  const tokens = await decodeGreedy(transducer, 2, 3);
  expect([...tokens.ids]).toEqual([1, 2, 3]);
});

test("no frames give no tokens", async () => {
  expect((await decodeGreedy(planned([], 4).transducer, 0, 10)).ids.length).toBe(0);
});

test("probabilities come from logits as well as from log-softmaxed scores", () => {
  const logits = Float32Array.of(0, 1, 2);
  expect(probabilityOf(logits, 0, 3, 2, false)).toBeCloseTo(0.665, 3);
  expect(probabilityOf(Float32Array.of(Math.log(0.25)), 0, 1, 0, true)).toBeCloseTo(0.25, 6);
});
