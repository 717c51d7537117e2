import { expect, test } from "vitest";
import { createCapacityMeter } from "../../../../src/engine/pool/capacity.ts";
import { createWindowQueue, type Queueable } from "../../../../src/engine/pool/queue.ts";
import { planWorkers, requireMemory } from "../../../../src/engine/pool/worker-plan.ts";

const live = (deadlineMs: number): Queueable => ({ kind: "live", deadlineMs, frames: 500 });
const file = (deadlineMs: number): Queueable => ({ kind: "file", deadlineMs, frames: 800 });

test("live windows go first, the earliest deadline before others", () => {
  const queue = createWindowQueue();
  for (const item of [file(1), live(30), live(20)]) queue.add(item);
  expect([queue.take(false), queue.take(false), queue.take(false)].map((item) => item?.deadlineMs)).toEqual([
    20, 30, 1,
  ]);
});

test("files advance on a machine that live sessions fill: about a fifth of the time is theirs", () => {
  const queue = createWindowQueue();
  const spent = { live: 0, file: 0 };
  for (const item of [live(0), live(0), live(0), file(0), file(0), file(0)]) queue.add(item);
  for (let k = 0; k < 400; k++) {
    const item = queue.take(false)!;
    queue.add(item.kind === "live" ? live(k) : file(k));
    const tookMs = item.frames * 0.5;
    spent[item.kind] += tookMs;
    queue.ran(item, tookMs);
  }
  expect(spent.file / (spent.file + spent.live)).toBeGreaterThan(0.15);
  expect(spent.file / (spent.file + spent.live)).toBeLessThan(0.25);
});

test("files that get turns nobody else wants do not hold live windows back as well", () => {
  const queue = createWindowQueue();
  queue.add(file(0));
  for (let k = 0; k < 100; k++) {
    queue.add(live(k));
    const first = queue.take(false)!;
    expect(first.kind).toBe("live");
    queue.ran(first, 250);
    queue.add(file(k));
    const second = queue.take(false)!;
    expect(second.kind).toBe("file");
    queue.ran(second, 400);
  }
});

test("a worker kept for live sessions takes no file window", () => {
  const queue = createWindowQueue();
  queue.add(file(1));
  expect(queue.take(true)).toBeUndefined();
  expect(queue.take(false)).toMatchObject({ kind: "file" });
});

test("a removed window is never taken", () => {
  const queue = createWindowQueue();
  const gone = live(1);
  queue.add(gone);
  expect(queue.remove(gone)).toBe(true);
  expect(queue.remove(gone)).toBe(false);
  expect(queue.take(false)).toBeUndefined();
});

test("capacity follows the measured speed and says the reason when it is used up", () => {
  const meter = createCapacityMeter(2, 0.1, () => 0);
  expect(meter.live(0)).toMatchObject({ sustainable: 5, canOpenMore: true, reason: undefined });
  expect(meter.live(5)).toMatchObject({
    canOpenMore: false,
    reason:
      "this machine recognises a second of audio in 100 ms per worker and has 2: that is 5 live sessions in real time",
  });
  for (let k = 0; k < 300; k++) meter.ran("live", 5000, 2500, 0);
  expect(meter.live(0).sustainable).toBe(1);
});

test("sessions that already fall behind are a reason to refuse, for a while", () => {
  let nowMs = 0;
  const meter = createCapacityMeter(2, 0.01, () => nowMs);
  for (let k = 0; k < 20; k++) meter.ran("live", 1000, 10, 3000);
  expect(meter.live(2).reason).toMatch(/^live windows wait \d+ ms for a worker/);
  nowMs = 20_000;
  expect(meter.live(2).canOpenMore).toBe(true);
});

test.each([
  [
    { cores: 1, memoryBytes: 16e9 },
    { workers: 1, threads: 1 },
  ],
  [
    { cores: 2, memoryBytes: 16e9 },
    { workers: 2, threads: 1 },
  ],
  [
    { cores: 4, memoryBytes: 8e9 },
    { workers: 2, threads: 2 },
  ],
  [
    { cores: 4, memoryBytes: 0.9e9 },
    { workers: 1, threads: 4 },
  ],
  [
    { cores: 8, memoryBytes: 64e9 },
    { workers: 4, threads: 2 },
  ],
  [
    { cores: 64, memoryBytes: 2e9 },
    { workers: 2, threads: 4 },
  ],
])("workers and threads for %j and a model of 225 MB: %j", (limits, plan) => {
  expect(planWorkers(limits, 225e6, { workers: "auto", threads: "auto" })).toEqual(plan);
});

test("what is configured is taken as it is", () => {
  const limits = { cores: 2, memoryBytes: 1e9 };
  expect(planWorkers(limits, 225e6, { workers: 5, threads: 3 })).toEqual({ workers: 5, threads: 3 });
  expect(planWorkers(limits, 5e6, { workers: 1, threads: "auto" })).toEqual({ workers: 1, threads: 2 });
  expect(planWorkers(limits, 5e6, { workers: "auto", threads: 2 })).toEqual({ workers: 1, threads: 2 });
});

// Highest resident memory of a process with so many workers while they read windows of 24 s, no optimized copies: ADR 0132.
test.each([
  ["int8, pointwise too", 242e6, 2, 1233e6],
  ["int8, pointwise too", 242e6, 3, 1828e6],
  ["int8", 327e6, 2, 1423e6],
  ["int8", 327e6, 3, 2135e6],
  ["fp32", 892e6, 2, 3521e6],
])(
  "a limit that gets its workers holds what they take, and wastes little: %s, %d bytes, %d workers",
  (_, modelBytes, workers, measuredBytes) => {
    let memoryBytes = measuredBytes;
    const plan = (): number =>
      planWorkers({ cores: 64, memoryBytes }, modelBytes, { workers: "auto", threads: 1 }).workers;
    while (plan() < workers) memoryBytes += 1e6;
    expect(memoryBytes).toBeGreaterThan(measuredBytes * 1.1);
    expect(memoryBytes).toBeLessThan(measuredBytes * 1.45);
  },
);

// Graphs of GigaAM's size without an optimized copy. Measured while reading: int8 679 and 1357 MiB, fp32 1617 and 3358, and the server's 50 (ADR 0132).
test.each([
  ["int8", 327e6, 1, 512, "Choose a smaller model, or allow 762 MiB."],
  ["int8", 327e6, 1, 1024, undefined],
  ["int8", 327e6, 2, 1024, "Set engine.workers: 1, or allow 1381 MiB."],
  ["int8", 327e6, 2, 2048, undefined],
  [
    "fp32",
    892e6,
    1,
    1024,
    "Make int8 weights (`gigastt models quantize m`) and set model.precision: int8, or allow 1732 MiB.",
  ],
  ["fp32", 892e6, 1, 2048, undefined],
  ["fp32", 892e6, 2, 2048, "Set engine.workers: 1, or allow 3320 MiB."],
  ["int8", 5e6, 2, 512, undefined],
] as const)("%s weights of %d bytes with %d workers in %d MiB: %s", (precision, bytes, workers, mib, cure) => {
  const start = (): void => requireMemory({ memoryBytes: mib * 2 ** 20 }, { id: "m", precision, bytes }, workers);
  if (cure === undefined) expect(start).not.toThrow();
  else expect(start).toThrow(cure);
});
