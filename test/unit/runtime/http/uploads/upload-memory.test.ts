import { describe, expect, it } from "vitest";
import { createUploadMemory } from "../../../../../src/runtime/http/uploads/upload-memory.ts";
import type { UploadMemory, UploadShare } from "../../../../../src/runtime/http/uploads/upload-memory.ts";

const limits = { totalBytes: 100, clientBytes: 50, clientUploads: 10 };
const never = new AbortController().signal;

/** An upload of this speed; `gone` tells whether it had to give way. */
function openUpload(
  memory: UploadMemory,
  client: string,
  speed: { bytesPerS?: number; mayGiveWay?: boolean } = {},
): UploadShare & { gone: () => boolean } {
  let gone = false;
  const share = memory.open(client, {
    bytesPerS: speed.bytesPerS ?? 100,
    mayGiveWay: speed.mayGiveWay ?? true,
    giveWay: () => {
      gone = true;
      share?.close();
    },
  });
  if (share === undefined) throw new Error("refused");
  return { ...share, gone: () => gone };
}

describe("createUploadMemory", () => {
  it("bounds all uploads together, and each client", () => {
    const memory = createUploadMemory(() => limits);
    openUpload(memory, "oldest");
    const a = openUpload(memory, "a");
    const b = openUpload(memory, "b");
    expect(a.tryReserve(50)).toBe(true);
    expect(a.tryReserve(1)).toBe(false);
    expect(b.tryReserve(50)).toBe(true);
    expect(openUpload(memory, "c").tryReserve(1)).toBe(false);
    expect(memory.heldBytes).toBe(100);
  });

  it("counts the uploads of one client together", () => {
    const memory = createUploadMemory(() => limits);
    openUpload(memory, "oldest");
    expect(openUpload(memory, "a").tryReserve(30)).toBe(true);
    expect(openUpload(memory, "a").tryReserve(30)).toBe(false);
  });

  it("always lets the oldest upload go on, so that uploads never wait for each other for ever", async () => {
    const memory = createUploadMemory(() => limits);
    const first = openUpload(memory, "a");
    const second = openUpload(memory, "b");
    expect(second.tryReserve(50)).toBe(true);
    expect(first.tryReserve(90)).toBe(true);
    expect(second.tryReserve(1)).toBe(false);
    const free = second.reserve(500, never);
    first.close();
    expect(await free).toBe(true);
    expect(memory.heldBytes).toBe(550);
  });

  it("looks again at those that wait: an upload becomes slow by time alone", async () => {
    const memory = createUploadMemory(() => limits);
    openUpload(memory, "oldest");
    const slow = { bytesPerS: 1, mayGiveWay: false };
    let isGone = false;
    const share = memory.open("a", {
      ...slow,
      get mayGiveWay() {
        return slow.mayGiveWay;
      },
      giveWay: () => {
        isGone = true;
        share?.close();
      },
    });
    expect([share?.tryReserve(50), openUpload(memory, "b", { mayGiveWay: false }).tryReserve(50)]).toEqual([
      true,
      true,
    ]);
    const granted = openUpload(memory, "c", { bytesPerS: 1000 }).reserve(30, never);
    slow.mayGiveWay = true;
    expect(await granted).toBe(true);
    expect(isGone).toBe(true);
  });

  it("lets the slowest give way to a much faster one when memory is short, and only then", () => {
    const memory = createUploadMemory(() => limits);
    const slow = openUpload(memory, "a", { bytesPerS: 10 });
    const slower = openUpload(memory, "b", { bytesPerS: 5 });
    expect([slow.tryReserve(40), slower.tryReserve(40)]).toEqual([true, true]);
    const fast = openUpload(memory, "c", { bytesPerS: 1000 });
    expect(fast.tryReserve(20)).toBe(true);
    expect([slow.gone(), slower.gone()]).toEqual([false, false]);
    expect(fast.tryReserve(20)).toBe(true);
    expect([slow.gone(), slower.gone()]).toEqual([false, true]);
    expect(memory.heldBytes).toBe(80);
  });

  it("spares uploads that are about as fast, that are young, and that are complete", () => {
    const memory = createUploadMemory(() => limits);
    const similar = openUpload(memory, "a", { bytesPerS: 60 });
    const young = openUpload(memory, "b", { bytesPerS: 1, mayGiveWay: false });
    const complete = openUpload(memory, "c", { bytesPerS: 1 });
    expect([similar.tryReserve(30), young.tryReserve(30), complete.tryReserve(40)]).toEqual([true, true, true]);
    complete.settle();
    expect(openUpload(memory, "d", { bytesPerS: 100 }).tryReserve(1)).toBe(false);
    expect([similar.gone(), young.gone(), complete.gone()]).toEqual([false, false, false]);
  });

  it("gives back block by block and at the end, once", () => {
    const memory = createUploadMemory(() => limits);
    const share = openUpload(memory, "a");
    share.tryReserve(40);
    share.give(10);
    expect(memory.heldBytes).toBe(30);
    share.give(1000);
    expect(memory.heldBytes).toBe(0);
    share.tryReserve(5);
    share.close();
    share.close();
    expect(memory.heldBytes).toBe(0);
  });

  it("reserves nothing for a closed upload", () => {
    const memory = createUploadMemory(() => limits);
    const share = openUpload(memory, "a");
    share.close();
    expect(share.tryReserve(1)).toBe(false);
  });

  it("ends a wait when the upload is over", async () => {
    const memory = createUploadMemory(() => limits);
    const gone = new AbortController();
    openUpload(memory, "oldest").tryReserve(100);
    const waiting = openUpload(memory, "a").reserve(1, gone.signal);
    gone.abort();
    expect(await waiting).toBe(false);
    expect(await openUpload(memory, "b").reserve(1, gone.signal)).toBe(false);
    const closed = openUpload(memory, "c");
    const given = closed.reserve(1, never);
    closed.close();
    expect(await given).toBe(false);
  });

  it("grants what becomes free in order, to as many as it fits, past those whose client has its part", async () => {
    const memory = createUploadMemory(() => limits);
    const oldest = openUpload(memory, "oldest");
    oldest.tryReserve(40);
    const [a, b] = [openUpload(memory, "a"), openUpload(memory, "b")];
    expect([a.tryReserve(50), b.tryReserve(10)]).toEqual([true, true]);
    const order: string[] = [];
    const wait = (name: string, share: UploadShare, bytes: number): Promise<unknown> =>
      share.reserve(bytes, never).then((isGranted) => isGranted && order.push(name));
    void wait("a", a, 10);
    const others = [wait("b", b, 20), wait("c", openUpload(memory, "c"), 20), wait("d", openUpload(memory, "d"), 20)];
    oldest.give(40);
    await Promise.all(others.slice(0, 2));
    expect(order).toEqual(["b", "c"]);
    expect(memory.heldBytes).toBe(100);
    b.close();
    await Promise.all(others);
    expect(order).toEqual(["b", "c", "d"]);
  });

  it("takes so many uploads of one client, and lets the newest of the client with most give way when all have too many", () => {
    const memory = createUploadMemory(() => ({ ...limits, clientUploads: 2000 }));
    const holder = { bytesPerS: 1, mayGiveWay: true, giveWay: () => {} };
    for (let n = 0; n < 2000; n++) expect(memory.open("greedy", holder)).toBeDefined();
    expect(memory.open("greedy", holder)).toBeUndefined();
    const others = Array.from({ length: 60 }, (_, n) => openUpload(memory, `client ${n}`));
    expect(others.some((upload) => upload.gone())).toBe(false);
    expect(others).toHaveLength(60);
  });

  it("costs one look for all that end together: 1000 uploads that leave while 1000 wait", async () => {
    const memory = createUploadMemory(() => ({ totalBytes: 2000, clientBytes: 2000, clientUploads: 1e6 }));
    const holding = Array.from({ length: 1000 }, (_, n) => openUpload(memory, `client ${n}`));
    for (const upload of holding) upload.tryReserve(2);
    const waiting = Array.from({ length: 1000 }, (_, n) => openUpload(memory, `waiter ${n}`).reserve(2, never));
    const startMs = performance.now();
    for (const upload of holding) upload.close();
    expect((await Promise.all(waiting)).every(Boolean)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(250);
  });
});
