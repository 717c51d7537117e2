import { assert, array, boolean, integer, property, record } from "fast-check";
import { expect, it } from "vitest";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import { defaultTiming } from "../../../../src/runtime/context.ts";
import type { RuntimeContext } from "../../../../src/runtime/context.ts";
import type { SessionPeer } from "../../../../src/runtime/sessions/peer.ts";
import { createSender } from "../../../../src/runtime/sessions/sender.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const MESSAGE = "x".repeat(100);

/** A client and its socket: what is unread, what the network has taken. The clock moves by `pass`. */
function open(): {
  readonly isCut: boolean;
  send(): void;
  take(bytes: number): void;
  pass(ms: number): void;
} {
  let nowMs = 0;
  let isCut = false;
  let timer: { readonly atMs: number; readonly action: () => void } | undefined;
  const peer = { bufferedBytes: 0, takenBytes: 0 };
  const sender = createSender(
    Object.assign(peer, { send: () => void (peer.bufferedBytes += MESSAGE.length) }) as unknown as SessionPeer, // all it uses
    { failed: () => [] },
    { settings: { current: defaultConfig }, timing: defaultTiming } as unknown as RuntimeContext, // all it uses
    {
      after: (delayMs, action) => {
        timer = { atMs: nowMs + delayMs, action };
        return undefined as unknown as NodeJS.Timeout; // nobody clears it
      },
      clear: () => {},
    },
    () => {
      isCut = true;
      sender.close();
    },
  );
  return {
    get isCut() {
      return isCut;
    },
    send: () => sender.send(MESSAGE),
    take: (bytes) => {
      const taken = Math.min(bytes, peer.bufferedBytes);
      peer.bufferedBytes -= taken;
      peer.takenBytes += taken;
    },
    pass: (ms) => {
      for (const endMs = nowMs + ms; nowMs < endMs;) {
        nowMs = Math.min(endMs, timer?.atMs ?? endMs);
        if (timer?.atMs !== nowMs) continue;
        const { action } = timer;
        timer = undefined;
        action();
      }
    },
  };
}

const steps = array(
  record({ sends: boolean(), takes: integer({ min: 0, max: 300 }), ms: integer({ min: 0, max: 20_000 }) }),
  {
    maxLength: 60,
  },
);

it("never cuts a client that takes something in every 30 s, nor one that has everything", () => {
  assert(
    property(steps, (all) => {
      const client = open();
      for (const { sends, takes, ms } of all) {
        if (sends) client.send();
        client.pass(ms);
        client.take(takes + 1);
      }
      client.take(Infinity);
      client.pass(3_600_000);
      expect(client.isCut).toBe(false);
    }),
    fuzzRuns(2000),
  );
});

it("cuts a client that takes nothing within twice 30 s, whatever else is sent to it", () => {
  assert(
    property(steps, (all) => {
      const client = open();
      client.send();
      let passedMs = 0;
      for (const { sends, ms } of all) {
        client.pass(ms);
        passedMs += ms;
        if (sends && !client.isCut) client.send();
      }
      client.pass(Math.max(0, 2 * defaultTiming.slowReaderMs - passedMs));
      expect(client.isCut).toBe(true);
    }),
    fuzzRuns(2000),
  );
});
