import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createAllowance } from "../../../../src/shared/time/allowance.ts";
import { createFrameScan } from "../../../../src/runtime/sessions/frame-scan.ts";
import { FRAMES_AT_ONCE, meterSocket } from "../../../../src/runtime/sessions/metered-socket.ts";
import { systemClock } from "../../../../src/shared/time/clock.ts";
import { createTurns } from "../../../../src/shared/time/turns.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { createRandom } from "../../../support/mutate.ts";
import { clientFrame } from "../../../support/ws-frames.ts";

describe("createFrameScan", () => {
  it("finds the frames of a stream in any split, of any length", () => {
    const random = createRandom(7);
    for (let round = 0; round < 200; round++) {
      const lengths = Array.from({ length: 1 + random.below(30) }, () =>
        random.pick([0, 1, 125, 126, 65_535, 65_536].map((most) => (most > 126 ? most : random.below(most + 1)))),
      );
      const bytes = Buffer.concat(lengths.map((length) => clientFrame(2, Buffer.alloc(length, 0xff))));
      const scan = createFrameScan();
      let frames = 0;
      for (let from = 0; from < bytes.length;) {
        const part = bytes.subarray(from, from + 1 + random.below(5000));
        for (let at = 0; at < part.length;) {
          const most = 1 + random.below(4);
          const walked = scan.walk(part, at, most);
          expect(walked.frames).toBeLessThanOrEqual(most);
          at = walked.to;
          frames += walked.frames;
        }
        from += part.length;
      }
      expect(frames).toBe(lengths.length);
    }
  });
});

describe("createAllowance", () => {
  it("lets a quiet client spend much at once, then as much as time brings", () => {
    const clock = createManualClock();
    const allowance = createAllowance(clock, 10, 100);
    allowance.spend(100);
    expect(allowance.owedMs).toBe(0);
    allowance.spend(5);
    expect(allowance.owedMs).toBe(500);
    clock.advance(499);
    expect(allowance.owedMs).toBe(1);
    clock.advance(1);
    expect(allowance.owedMs).toBe(0);
    clock.advance(1e9);
    allowance.spend(101);
    expect(allowance.owedMs).toBe(100);
  });
});

describe("meterSocket", () => {
  /** The network's side: what is pushed comes from the client, what is written goes to it. */
  const network = () => {
    const sent: Buffer[] = [];
    const socket = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        sent.push(bytes);
        done();
      },
    });
    return { socket, sent };
  };

  it("hands on every byte in order, the parser's head first, and the end", async () => {
    const { socket, sent } = network();
    const metered = meterSocket(socket, Buffer.from(clientFrame(2, Buffer.from("head"))), createTurns(), systemClock);
    const frames = Array.from({ length: 500 }, (_, n) => clientFrame(2, Buffer.from(String(n))));
    const received: Buffer[] = [];
    metered.on("data", (bytes: Buffer) => received.push(bytes));
    const ended = new Promise((resolve) => metered.once("end", resolve));
    const wire = Buffer.concat(frames);
    for (let at = 0; at < wire.length; at += 97) socket.push(wire.subarray(at, at + 97));
    socket.push(null);
    await ended;
    expect(Buffer.concat(received).equals(Buffer.concat([clientFrame(2, Buffer.from("head")), wire]))).toBe(true);
    metered.write("answer");
    metered.end();
    await new Promise((resolve) => metered.once("finish", resolve));
    expect(Buffer.concat(sent).toString()).toBe("answer");
  });

  it("hands on at most 64 frames at a time, and no more than the allowance", async () => {
    const { socket, sent } = network();
    const clock = createManualClock();
    const metered = meterSocket(socket, Buffer.alloc(0), createTurns(), clock);
    const tiny = clientFrame(2, Buffer.from([1]));
    let bytes = 0;
    let largest = 0;
    metered.on("data", (part: Buffer) => {
      bytes += part.length;
      largest = Math.max(largest, part.length);
    });
    socket.push(Buffer.concat(Array.from({ length: 2 * FRAMES_AT_ONCE }, () => tiny)));
    await sleep(200);
    expect(largest).toBe(64 * tiny.length);
    expect(bytes / tiny.length).toBeGreaterThanOrEqual(FRAMES_AT_ONCE);
    expect(bytes / tiny.length).toBeLessThanOrEqual(FRAMES_AT_ONCE + 2 * 64);
    const before = bytes;
    clock.advance(1000);
    await expect.poll(() => bytes).toBeGreaterThan(before);
    await sleep(50);
    expect((bytes - before) / tiny.length).toBeLessThan(250 + 65);
    // While it keeps the client waiting it asks whether there is one: two bytes, a ping.
    expect(Buffer.concat(sent)).toEqual(Buffer.from([0x89, 0]));
    metered.destroy();
  });

  it("asks a client that sends much whether it is still there, also while nothing is owed", async () => {
    const { socket, sent } = network();
    const clock = createManualClock();
    const metered = meterSocket(socket, Buffer.alloc(0), createTurns(), clock);
    let bytes = 0;
    metered.on("data", (part: Buffer) => (bytes += part.length));
    clock.advance(1000);
    for (let n = 0; n < 8; n++) socket.push(clientFrame(2, Buffer.alloc(60_000)));
    await expect.poll(() => bytes).toBe(8 * 60_008);
    expect(Buffer.concat(sent)).toEqual(Buffer.from([0x89, 0]));
    metered.destroy();
  });

  it("does not read on while its owner is paused", async () => {
    const { socket } = network();
    const metered = meterSocket(socket, Buffer.alloc(0), createTurns(), systemClock);
    let bytes = 0;
    metered.on("data", (part: Buffer) => (bytes += part.length));
    metered.pause();
    for (let n = 0; n < 20; n++) socket.push(clientFrame(2, Buffer.alloc(60_000)));
    await sleep(50);
    expect(bytes).toBe(0);
    // What it holds: one read, and what its own buffer takes.
    expect(metered.readableLength).toBeLessThan(200_000);
    metered.resume();
    await expect.poll(() => bytes).toBe(20 * 60_008);
    metered.destroy();
  });

  it("ends with the socket, and the socket with it", async () => {
    for (const [first, second] of [
      ["socket", "metered"],
      ["metered", "socket"],
    ] as const) {
      const { socket } = network();
      const both = { socket, metered: meterSocket(socket, Buffer.alloc(0), createTurns(), systemClock) };
      both.metered.on("error", () => {});
      const closed = new Promise((resolve) => both[second].once("close", resolve));
      both[first].destroy(first === "socket" ? new Error("reset") : undefined);
      await closed;
    }
  });
});

describe("the end of a client that left before its session began", () => {
  it("is passed on", async () => {
    const socket = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
    socket.push(null);
    socket.resume();
    await new Promise((resolve) => socket.once("end", resolve));
    const metered = meterSocket(socket, Buffer.alloc(0), createTurns(), systemClock);
    const ended = new Promise((resolve) => metered.once("end", () => resolve("ended")));
    metered.resume();
    expect(await Promise.race([ended, sleep(2000)])).toBe("ended");
  });
});
