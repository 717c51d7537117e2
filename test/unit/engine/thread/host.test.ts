import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hostAudioThread, type AudioThreadHost } from "../../../../src/engine/thread/host.ts";
import type { FromAudioThread, ToAudioThread } from "../../../../src/engine/thread/protocol.ts";
import { SETTINGS, STREAM } from "../stream/spoken.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A host whose audio thread is this function. */
function host(
  answer: (message: ToAudioThread, reply: (message: FromAudioThread) => void) => void,
): AudioThreadHost & { lost: string[] } {
  const lost: string[] = [];
  const subject = hostAudioThread({
    open: (onMessage) => ({ send: (message) => answer(message, onMessage), close: async () => {} }),
    recognize: () => new Promise(() => {}),
    onLost: (reason) => lost.push(reason),
    onStreams: () => {},
  });
  subject.begin(SETTINGS);
  subject.openStream({ ...STREAM, onHypothesis: () => {}, onError: () => {} });
  return { ...subject, lost };
}

test("an audio thread that answers nothing for half a minute is replaced, one that answers is not", async () => {
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

test("a process that was frozen for a minute does not take its audio thread for hung", async () => {
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
