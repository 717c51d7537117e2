import { setImmediate as immediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { createTurns } from "../../../../src/shared/time/turns.ts";

it("serves clients in turn, however much each has to do", async () => {
  const turns = createTurns();
  const order: string[] = [];
  const client = (name: string, portions: number): void =>
    turns.ask(() => {
      order.push(name);
      if (portions > 1) client(name, portions - 1);
    });
  client("a", 5);
  client("b", 2);
  client("c", 1);
  while (order.length < 8) await immediate();
  expect(order.join("")).toBe("abcabaaa");
});

it("gives way to the rest of the thread after its budget, and after one portion that takes longer", async () => {
  let nowMs = 0;
  const turns = createTurns(4, () => nowMs);
  const log: string[] = [];
  const portion = (ms: number) => (): void => {
    nowMs += ms;
    log.push(`${ms}`);
  };
  for (const ms of [2, 2, 50, 1]) turns.ask(portion(ms));
  for (let n = 0; n < 4; n++) await immediate().then(() => log.push("|"));
  expect(log.slice(0, 7)).toEqual(["2", "2", "|", "50", "|", "1", "|"]);
});

it("goes on with the others when a portion throws", async () => {
  const turns = createTurns();
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (error) => thrown.push(error));
  let served = false;
  turns.ask(() => {
    throw new Error("a bug");
  });
  turns.ask(() => (served = true));
  const isServed = (): boolean => served;
  while (!isServed()) await immediate();
  for (const listener of listeners) process.on("uncaughtException", listener);
  expect(thrown).toEqual([new Error("a bug")]);
});

it("serves many thousands of portions in order", async () => {
  const turns = createTurns();
  const order: number[] = [];
  for (let n = 0; n < 5000; n++) turns.ask(() => order.push(n));
  while (order.length < 5000) await immediate();
  expect(order.every((value, index) => value === index)).toBe(true);
});

it("rests after each full budget, also when its portions ask for more while they run", async () => {
  let nowMs = 0;
  const turns = createTurns(4, () => nowMs, 20);
  let served = 0;
  const portion = (): void => {
    nowMs += 1;
    served++;
    turns.ask(portion);
  };
  for (let client = 0; client < 50; client++) turns.ask(portion);
  const startMs = performance.now();
  while (performance.now() - startMs < 200) await immediate();
  // Ten rests of 20 ms at most, four portions before each.
  expect(served).toBeGreaterThan(4);
  expect(served).toBeLessThanOrEqual(11 * 4);
});
