import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFrontHost, type FrontHost } from "../../../../src/engine/front/host.ts";
import type { FromFront, ToFront } from "../../../../src/engine/front/protocol.ts";
import { SETTINGS, STREAM } from "./spoken.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A host whose front is this function. */
function host(answer: (message: ToFront, reply: (message: FromFront) => void) => void): FrontHost & { lost: string[] } {
  const lost: string[] = [];
  const subject = createFrontHost({
    open: (onMessage) => ({ send: (message) => answer(message, onMessage), close: async () => {} }),
    settings: SETTINGS,
    recognize: () => new Promise(() => {}),
    onLost: (reason) => lost.push(reason),
    onStreams: () => {},
  });
  subject.openStream({ ...STREAM, onHypothesis: () => {}, onError: () => {} });
  return { ...subject, lost };
}

test("a front that answers nothing for half a minute is replaced, one that answers is not", async () => {
  const silent = host(() => {});
  const alive = host((message, reply) => {
    if (message.type === "ping") reply({ type: "pong", id: message.id });
  });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(silent.lost).toEqual([]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(silent.lost).toEqual(["the thread did not answer"]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(alive.lost).toEqual([]);
});

test("a process that was frozen for a minute does not take its front for hung", async () => {
  let frozen = 0;
  vi.spyOn(performance, "now").mockImplementation(() => frozen + Date.now());
  const subject = host((message, reply) => {
    if (message.type === "ping") reply({ type: "pong", id: message.id });
  });
  await vi.advanceTimersByTimeAsync(10_000);
  frozen = 60_000;
  await vi.advanceTimersByTimeAsync(5000);
  expect(subject.lost).toEqual([]);
  vi.restoreAllMocks();
});
