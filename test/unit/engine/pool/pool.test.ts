import { expect, onTestFinished, test } from "vitest";
import type { LoadRequest } from "../../../../src/engine/acoustic/protocol.ts";
import { createPool, type PoolOptions, type RenewablePool, type WindowJob } from "../../../../src/engine/pool/pool.ts";
import { DEMO_FRONT_END, demoBundle } from "../support.ts";

const ENTRY = new URL("../../../fixtures/faulty-worker.js", import.meta.url);
const REQUEST: LoadRequest = {
  encoderPath: "",
  transducer: { decoderPath: "", jointPath: "" },
  vocabPath: "",
  frontEnd: DEMO_FRONT_END,
  threads: 1,
  maxSymbolsPerFrame: 10,
};

async function pool(options: Partial<PoolOptions> & { readonly vocabPath?: string } = {}): Promise<RenewablePool> {
  const created = createPool({
    workers: 1,
    request: async () => ({ ...REQUEST, vocabPath: options.vocabPath ?? "" }),
    queueLimit: 10,
    loadTimeoutMs: 10_000,
    onWorkerLost: () => {},
    entry: ENTRY,
    ...options,
  });
  onTestFinished(() => created.close());
  return created;
}

/** `frames` tells the faulty worker what to do: mostly how many milliseconds to take. */
function job(frames: number, options: Partial<WindowJob> = {}): WindowJob {
  return {
    features: new Float32Array(64 * frames),
    frames,
    deadlineMs: 0,
    kind: "live",
    signal: new AbortController().signal,
    ...options,
  };
}

test("a worker that crashes fails its window with a code, is replaced, and the pool goes on", async () => {
  const lost: string[] = [];
  const subject = await pool({ onWorkerLost: (reason) => lost.push(reason) });
  await subject.start();
  await expect(subject.run(job(666))).rejects.toMatchObject({ code: "inference_error" });
  expect(lost).toEqual(["crashed on purpose"]);
  await expect.poll(() => subject.stats().workers).toBe(1);
  expect((await subject.run(job(5))).ids[0]).toBe(5);
  expect(subject.stats()).toMatchObject({ workerRestartsTotal: 1, busyWorkers: 0, queuedWindows: 0 });
});

test("a worker that exits is replaced as well", async () => {
  const subject = await pool();
  await subject.start();
  await expect(subject.run(job(667))).rejects.toMatchObject({ code: "inference_error" });
  await expect.poll(() => subject.stats().workers).toBe(1);
});

test("with the only worker gone, waiting windows are answered at once", async () => {
  const subject = await pool();
  await subject.start();
  const waiting = [subject.run(job(666)), subject.run(job(5)), subject.run(job(6))];
  for (const answer of waiting) await expect(answer).rejects.toMatchObject({ code: "inference_error" });
});

test("with another worker alive, waiting windows are recognised", async () => {
  const subject = await pool({ workers: 2 });
  await subject.start();
  const answers = await Promise.allSettled([666, 5, 6, 7].map((frames) => subject.run(job(frames))));
  expect(answers.map((answer) => answer.status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
});

test("files that were replaced in the meantime are not loaded again", async () => {
  let refusals = 0;
  const subject = await pool({
    request: async (worker) => {
      if (worker === "replacement" && refusals++ < 2) throw new Error("the hash is wrong");
      return REQUEST;
    },
  });
  await subject.start();
  await expect(subject.run(job(666))).rejects.toThrow();
  await expect(subject.run(job(5))).rejects.toMatchObject({ code: "inference_error" });
  await expect.poll(() => subject.stats().workers, { timeout: 10_000 }).toBe(1);
  expect(refusals).toBe(3);
});

test("the last worker alive is not kept from files, however many live sessions are open", async () => {
  const subject = await pool({
    workers: 2,
    request: async (worker) => {
      if (worker === "replacement") throw new Error("the files have changed");
      return REQUEST;
    },
  });
  await subject.start();
  subject.setLiveSessions(1);
  await expect(subject.run(job(666))).rejects.toMatchObject({ code: "inference_error" });
  await expect(subject.run(job(1, { kind: "file" }))).resolves.toBeDefined();
});

test("an error of the network fails one window; its text stays inside", async () => {
  const subject = await pool();
  await subject.start();
  const answer = subject.run(job(500));
  await expect(answer).rejects.toMatchObject({ code: "inference_error" });
  await expect(answer).rejects.not.toThrow(/secret/);
  expect((await subject.run(job(5))).ids[0]).toBe(5);
  expect(subject.stats().workerRestartsTotal).toBe(0);
});

test("a cancelled window never reaches a worker, a running one is forgotten", async () => {
  const subject = await pool();
  await subject.start();
  const controller = new AbortController();
  const running = subject.run(job(100, { signal: controller.signal }));
  const waiting = subject.run(job(101, { signal: controller.signal }));
  const other = subject.run(job(5));
  controller.abort(new Error("left"));
  await expect(running).rejects.toThrow("left");
  await expect(waiting).rejects.toThrow("left");
  expect(subject.stats()).toMatchObject({ busyWorkers: 1, queuedWindows: 1 });
  expect((await other).ids[0]).toBe(5);
  await expect(subject.run(job(5, { signal: AbortSignal.abort(new Error("gone")) }))).rejects.toThrow("gone");
});

test("the queue is bounded", async () => {
  const subject = await pool({ queueLimit: 2 });
  await subject.start();
  const taken = [subject.run(job(50)), subject.run(job(5)), subject.run(job(5))];
  await expect(subject.run(job(5))).rejects.toMatchObject({ code: "queue_full" });
  await Promise.all(taken);
});

test("closing waits for what runs and drops what waits", async () => {
  const subject = await pool();
  await subject.start();
  const running = subject.run(job(100));
  const waiting = subject.run(job(5));
  const closed = subject.close();
  await expect(waiting).rejects.toMatchObject({ code: "pool_closed" });
  expect((await running).ids[0]).toBe(100);
  await closed;
  await expect(subject.run(job(5))).rejects.toMatchObject({ code: "pool_closed" });
  expect(subject.stats().workers).toBe(0);
});

test("a model that does not load is the starter's error", async () => {
  await expect((await pool({ vocabPath: "broken", workers: 2 })).start()).rejects.toMatchObject({
    code: "GST_MODEL_LOAD",
    message: "broken on purpose",
  });
});

test("a model that takes too long is given up with the rule and the cure", async () => {
  const created = createPool({
    workers: 1,
    request: async () => ({ ...REQUEST, vocabPath: "silent" }),
    queueLimit: 1,
    loadTimeoutMs: 200,
    onWorkerLost: () => {},
    entry: ENTRY,
  });
  await expect(created.start()).rejects.toMatchObject({
    code: "GST_MODEL_LOAD_TIMEOUT",
    message: "the model must load within model.loadTimeout (200 ms), it did not: raise it, or use int8 weights.",
  });
});

test("a real ONNX error fails the window and leaves the worker alive; a missing file fails the start", async () => {
  const bundle = await demoBundle("int8");
  const request = { ...bundle, threads: 1, maxSymbolsPerFrame: 10 };
  const subject = createPool({
    workers: 1,
    request: async () => request,
    queueLimit: 10,
    loadTimeoutMs: 60_000,
    onWorkerLost: (reason) => expect.unreachable(reason),
  });
  onTestFinished(() => subject.close());
  await subject.start();
  await expect(subject.run({ ...job(50), features: new Float32Array(7) })).rejects.toMatchObject({
    code: "inference_error",
  });
  expect((await subject.run(job(100))).encodedFrames).toBe(25);

  const missing = createPool({
    workers: 1,
    request: async () => ({ ...request, encoderPath: "/nowhere/encoder.onnx" }),
    queueLimit: 10,
    loadTimeoutMs: 60_000,
    onWorkerLost: () => {},
  });
  await expect(missing.start()).rejects.toMatchObject({ code: "GST_MODEL_LOAD" });
});

test("renewing puts a new worker in each one's place while windows are read, and no window is refused", async () => {
  const kinds: string[] = [];
  const request = async (kind: string): Promise<LoadRequest> => {
    kinds.push(kind);
    return REQUEST;
  };
  const subject = await pool({ workers: 2, queueLimit: 100, request });
  await subject.start();
  const reading = Promise.all(Array.from({ length: 30 }, (_, n) => subject.run(job(20 + n))));
  await subject.renew();
  expect((await reading).map(({ ids }) => ids[0])).toEqual(Array.from({ length: 30 }, (_, n) => 20 + n));
  await expect.poll(() => subject.stats()).toMatchObject({ workers: 2, busyWorkers: 0, workerRestartsTotal: 0 });
  expect(kinds).toEqual(["first", "other", "renewed"]);
  expect((await subject.run(job(3))).ids[0]).toBe(3);
});

test("renewing changes all workers at one moment: no window that begins later is read by an old one", async () => {
  const ids = { old: 0, new: 0 };
  const subject = await pool({
    workers: 2,
    queueLimit: 200,
    request: async (kind) => ({ ...REQUEST, vocabPath: kind === "renewed" ? "marks 1000" : "" }),
  });
  await subject.start();
  let isSwitched = false;
  const asked: { afterwards: boolean; id: number }[] = [];
  const ask = async (): Promise<void> => {
    const afterwards = isSwitched;
    const { ids: found } = await subject.run(job(20));
    asked.push({ afterwards, id: found[0]! });
  };
  const renewing = subject.renew(() => {
    isSwitched = true;
  });
  const until = async (isOver: () => boolean): Promise<void> => {
    for (; !isOver();) await Promise.all([ask(), ask(), ask()]);
  };
  await until(() => isSwitched);
  await until(() => asked.some(({ afterwards }) => afterwards));
  await renewing;
  for (const { afterwards, id } of asked) {
    ids[id >= 1000 ? "new" : "old"]++;
    if (afterwards) expect(id).toBe(1020);
  }
  expect(ids.old).toBeGreaterThan(0);
  expect(ids.new).toBeGreaterThan(0);
});

test("a worker that cannot be renewed keeps its place", async () => {
  const subject = await pool({
    workers: 2,
    request: async (kind) => ({ ...REQUEST, vocabPath: kind === "renewed" ? "broken" : "" }),
  });
  await subject.start();
  await expect(subject.renew()).rejects.toMatchObject({ code: "GST_MODEL_LOAD" });
  expect((await subject.run(job(4))).ids[0]).toBe(4);
  expect(subject.stats().workers).toBe(2);
});

test("closing while workers are renewed ends them all", async () => {
  const subject = await pool({ workers: 2 });
  await subject.start();
  const renewing = subject.renew();
  await subject.close();
  await renewing;
  expect(subject.stats()).toMatchObject({ workers: 0, busyWorkers: 0 });
});
