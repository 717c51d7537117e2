import { describe, expect, it } from "vitest";
import { createUploadMemory } from "../../../../src/runtime/http/upload-memory.ts";
import type { UploadMemory, UploadShare } from "../../../../src/runtime/http/upload-memory.ts";

const limits = { totalBytes: 100, clientBytes: 50 };

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
      share.close();
    },
  });
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
    const free = second.whenFree(new AbortController().signal);
    first.close();
    await free;
    expect(second.tryReserve(500)).toBe(true);
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
    const waiting = openUpload(memory, "a").whenFree(gone.signal);
    gone.abort();
    await waiting;
    await openUpload(memory, "b").whenFree(gone.signal);
  });
});
