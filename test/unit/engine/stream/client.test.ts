import { expect, test } from "vitest";
import type { Hypothesis } from "../../../../src/engine/contract.ts";
import type { ToAudioThread } from "../../../../src/engine/thread/protocol.ts";
import { createStreamClient } from "../../../../src/engine/stream/client.ts";
import { finalOf } from "../../../../src/engine/windows/hypothesis.ts";
import { WireError } from "../../../../src/shared/errors.ts";

function open() {
  const sent: ToAudioThread[] = [];
  const heard: Hypothesis[] = [];
  const errors: Error[] = [];
  const client = createStreamClient({
    id: 1,
    stream: {
      sampleRateHz: 8000,
      endpoint: "auto",
      minSilenceMs: 600,
      commitPolicy: "auto",
      onHypothesis: (hypothesis) => heard.push(hypothesis),
      onError: (error) => errors.push(error),
    },
    send: (message) => void sent.push(message),
    onFinished: () => {},
  });
  return { client, sent, heard, errors };
}

const LOST = new WireError("inference_error", "lost");
const second = new Uint8Array(16_000);
const final = finalOf([{ word: "раз", start: 0.25, end: 0.5, confidence: 0.9 }], "vad");

test("a client that was held back goes on when its audio thread is lost", async () => {
  const { client, errors } = open();
  for (let k = 0; k < 10; k++) client.handle.write(second);
  const caughtUp = client.handle.waitForBacklogBelow(5000);
  client.lost(LOST);
  await caughtUp;
  expect(client.handle.backlogMs).toBe(0);
  expect(errors).toEqual([LOST]);
});

test("word times count from the stream's beginning in every thread it goes through", () => {
  const { client, sent, heard } = open();
  client.handle.write(second);
  client.heard(final);
  client.lost(LOST);
  for (let k = 0; k < 2; k++) client.handle.write(second);
  client.heard(final);
  client.lost(LOST);
  client.heard(final);
  expect(heard.map(({ words }) => [words[0]!.start, words[0]!.end])).toEqual([
    [0.25, 0.5],
    [1.25, 1.5],
    [3.25, 3.5],
  ]);
  expect(sent.filter(({ type }) => type === "stream_open")).toHaveLength(3);
});

test("the backlog is what the present thread has not covered", () => {
  const { client } = open();
  for (let k = 0; k < 4; k++) client.handle.write(second);
  client.covered(1000);
  expect(client.handle.backlogMs).toBe(3000);
  client.lost(LOST);
  client.handle.write(second);
  client.covered(400);
  expect(client.handle.backlogMs).toBe(600);
});
