import * as fc from "fast-check";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createUploadMemory } from "../../../../src/runtime/http/uploads/upload-memory.ts";
import { readUpload } from "../../../../src/runtime/http/uploads/upload-to-memory.ts";
import { rawBody, receiveBody } from "../../../../src/runtime/http/uploads/upload.ts";
import type { UploadSink } from "../../../../src/runtime/http/uploads/upload.ts";
import { systemClock } from "../../../../src/shared/time/clock.ts";

const LIMITS = { bodyBytes: 1_000_000, minUploadKbps: 1, graceMs: 60_000 };

/** A body, as the parser of Node gives it. */
function request(): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { complete: true, headers: {} }) as unknown as PassThrough & IncomingMessage; // what a reception asks of a request
}
function receive(req: IncomingMessage, sink: UploadSink, signal: AbortSignal = new AbortController().signal) {
  return receiveBody({ req, source: rawBody(req), limits: LIMITS, clock: systemClock, signal, sink: () => sink });
}
async function allOf(blocks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const block of blocks) parts.push(Buffer.from(block));
  return Buffer.concat(parts);
}

const body = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 20 });

describe("a reception", () => {
  test("gives a sink every byte once and in order, however slowly it takes them", async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.array(fc.nat(3), { minLength: 1 }), async (chunks, delays) => {
        const req = request();
        const taken: Uint8Array[] = [];
        let isTaking = false;
        let at = 0;
        const received = receive(req, (bytes) => {
          expect(isTaking, "given more while it still takes").toBe(false);
          const turns = delays[at++ % delays.length]!;
          if (turns === 0) {
            taken.push(bytes);
            return undefined;
          }
          isTaking = true;
          return (async () => {
            for (let k = 0; k < turns; k++) await turn();
            taken.push(bytes);
            isTaking = false;
          })();
        });
        for (const chunk of chunks) req.write(chunk);
        req.end();
        const whole = Buffer.concat(chunks);
        expect(await received).toBe(whole.length);
        expect(Buffer.concat(taken).equals(whole)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("fails with what the sink says, and gives it nothing more", async () => {
    const req = request();
    let calls = 0;
    const received = receive(req, async () => {
      calls++;
      throw new Error("the disk is full");
    });
    req.write("a");
    req.write("b");
    await expect(received).rejects.toThrow("the disk is full");
    await turn();
    expect(calls).toBe(1);
  });

  test("that is ended is over only when the sink has put its last piece down", async () => {
    const req = request();
    const stop = new AbortController();
    let isWritten = false;
    let finishWrite = (): void => {};
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const received = receive(
      req,
      () =>
        new Promise((resolve) => {
          begin();
          finishWrite = () => {
            isWritten = true;
            resolve();
          };
        }),
      stop.signal,
    ).catch((error: unknown) => ({ error, isWritten }));
    req.write("a");
    await begun;
    const reason = new Error("the server stops");
    stop.abort(reason);
    await turn();
    finishWrite();
    expect(await received).toEqual({ error: reason, isWritten: true });
  });
});

describe("an upload into memory", () => {
  test("is whole whatever parts it arrives in, and counts the memory that it holds", async () => {
    const part = fc.record({
      bytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 16_000, max: 70_000 })),
      isOwn: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 12 }), async (parts) => {
        const memory = createUploadMemory(() => ({ totalBytes: 1e7, clientBytes: 1e7, clientUploads: 10 }));
        const chunks = parts.map(({ bytes, isOwn }, n) =>
          (isOwn ? new Uint8Array(bytes) : new Uint8Array(bytes + 100).subarray(100)).fill(n + 1),
        );
        const req = request();
        const upload = readUpload({
          req,
          source: rawBody(req),
          limits: LIMITS,
          clock: systemClock,
          signal: new AbortController().signal,
          memory,
          client: "a",
          memoryWaitMs: 60_000,
        });
        for (const chunk of chunks) req.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
        req.end();
        const { blocks, release } = await upload;
        const held = memory.heldBytes;
        const memories = new Set<ArrayBufferLike>();
        const received: Buffer[] = [];
        for await (const block of blocks()) {
          memories.add(block.buffer);
          received.push(Buffer.from(block));
        }
        expect(Buffer.concat(received).equals(Buffer.concat(chunks))).toBe(true);
        expect(Array.from(memories).reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(held);
        release();
        expect(memory.heldBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test("is whole although its last piece had to wait for memory when the body ended", async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.nat(4000), async (chunks, totalBytes) => {
        const memory = createUploadMemory(() => ({ totalBytes, clientBytes: 1e6, clientUploads: 10 }));
        // An older upload has the right to go on: this one waits until it is gone.
        const older = memory.open("other", { bytesPerS: 1, mayGiveWay: false, giveWay: () => {} })!;
        older.tryReserve(totalBytes);
        const req = request();
        const upload = readUpload({
          req,
          source: rawBody(req),
          limits: LIMITS,
          clock: systemClock,
          signal: new AbortController().signal,
          memory,
          client: "a",
          memoryWaitMs: 60_000,
        });
        for (const chunk of chunks) req.write(chunk);
        req.end();
        for (let k = 0; k < 4; k++) await turn();
        older.close();
        const { blocks, bytes, release } = await upload;
        const whole = Buffer.concat(chunks);
        expect(bytes).toBe(whole.length);
        expect((await allOf(blocks())).equals(whole)).toBe(true);
        release();
        expect(memory.heldBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
