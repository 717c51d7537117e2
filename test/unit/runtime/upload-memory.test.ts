import { describe, expect, it } from "vitest";
import { createUploadMemory } from "../../../src/runtime/upload-memory.ts";

describe("createUploadMemory", () => {
  it("bounds all uploads together, and one client by half", () => {
    const memory = createUploadMemory(() => 100);
    memory.open("oldest");
    const a = memory.open("a");
    const b = memory.open("b");
    expect(a.tryReserve(50)).toBe(true);
    expect(a.tryReserve(1)).toBe(false);
    expect(b.tryReserve(50)).toBe(true);
    expect(memory.open("c").tryReserve(1)).toBe(false);
    expect(memory.heldBytes).toBe(100);
  });

  it("counts the uploads of one client together", () => {
    const memory = createUploadMemory(() => 100);
    memory.open("oldest");
    expect(memory.open("a").tryReserve(30)).toBe(true);
    expect(memory.open("a").tryReserve(30)).toBe(false);
  });

  it("always lets the oldest upload go on, so that uploads never wait for each other for ever", async () => {
    const memory = createUploadMemory(() => 100);
    const first = memory.open("a");
    const second = memory.open("b");
    expect(second.tryReserve(50)).toBe(true);
    expect(first.tryReserve(90)).toBe(true);
    expect(second.tryReserve(1)).toBe(false);
    const free = second.whenFree(new AbortController().signal);
    first.close();
    await free;
    expect(second.tryReserve(500)).toBe(true);
  });

  it("gives back block by block and at the end, once", () => {
    const memory = createUploadMemory(() => 100);
    const share = memory.open("a");
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
    const memory = createUploadMemory(() => 100);
    const share = memory.open("a");
    share.close();
    expect(share.tryReserve(1)).toBe(false);
  });

  it("ends a wait when the upload is over", async () => {
    const memory = createUploadMemory(() => 100);
    const gone = new AbortController();
    const waiting = memory.open("a").whenFree(gone.signal);
    gone.abort();
    await waiting;
    await memory.open("b").whenFree(gone.signal);
  });
});
