import type { GigasttError } from "../../shared/errors.ts";
import { finalOf } from "../windows/hypothesis.ts";
import type { Hypothesis, LiveStream, LiveStreamOptions } from "../contract.ts";
import type { SendToAudioThread } from "../thread/link.ts";

/** The main thread's side of one live stream: what its audio thread says about it, and the handle its owner holds. */
export interface StreamClient {
  readonly options: LiveStreamOptions;
  readonly handle: LiveStream;
  /** When speech was last heard in it, monotonic milliseconds; -Infinity = never. */
  readonly spokeAtMs: number;
  spoke(): void;
  covered(ms: number): void;
  /** What the audio thread heard, on its way to the owner. */
  heard(hypothesis: Hypothesis): void;
  finished(): void;
  /** The audio thread was lost: the stream goes on in the new one with the audio to come. */
  lost(error: GigasttError): void;
}

export interface StreamClientOptions {
  readonly id: number;
  readonly stream: LiveStreamOptions;
  readonly send: SendToAudioThread;
  readonly onFinished: () => void;
}

/** Opens the stream in its audio thread. */
export function createStreamClient({ id, stream, send, onFinished }: StreamClientOptions): StreamClient {
  const bytesPerMs = (stream.sampleRateHz * 2) / 1000;
  let receivedBytes = 0;
  /** Audio that went to audio threads that were lost: the present one counts its times from there. */
  let lostBytes = 0;
  let coveredMs = 0;
  let spokeAtMs = -Infinity;
  let ending: Promise<void> | undefined;
  let over = false;
  let waiters: { ms: number; resolve: () => void }[] = [];
  let resolveEnd: (() => void) | undefined;

  const backlogMs = (): number => (over ? 0 : Math.max(0, (receivedBytes - lostBytes) / bytesPerMs - coveredMs));

  function wake(): void {
    const backlog = backlogMs();
    const ready = waiters.filter((waiter) => backlog < waiter.ms || over);
    waiters = waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }

  function finish(): void {
    if (over) return;
    over = true;
    onFinished();
    wake();
    resolveEnd?.();
  }

  function open(): void {
    const { sampleRateHz, endpoint, minSilenceMs, commitPolicy } = stream;
    send({ type: "stream_open", id, options: { sampleRateHz, endpoint, minSilenceMs, commitPolicy } });
  }

  const handle: LiveStream = {
    write(pcm) {
      if (over || ending || pcm.length === 0) return;
      const bytes = new Uint8Array(pcm);
      receivedBytes += bytes.length;
      send({ type: "stream_data", id, bytes }, [bytes.buffer]);
    },
    get backlogMs() {
      return backlogMs();
    },
    waitForBacklogBelow: (ms) =>
      backlogMs() < ms || over
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiters.push({ ms, resolve });
          }),
    end() {
      ending ??= over
        ? Promise.resolve()
        : new Promise((resolve) => {
            resolveEnd = resolve;
            send({ type: "stream_end", id });
          });
      return ending;
    },
    abort() {
      if (over) return;
      send({ type: "stream_abort", id });
      finish();
    },
  };

  open();
  return {
    options: stream,
    handle,
    get spokeAtMs() {
      return spokeAtMs;
    },
    spoke: () => {
      spokeAtMs = performance.now();
      if (!over) stream.onSpeech?.();
    },
    covered(ms) {
      coveredMs = ms;
      wake();
    },
    heard: (hypothesis) => stream.onHypothesis(later(hypothesis, lostBytes / bytesPerMs / 1000)),
    finished: finish,
    lost(error) {
      stream.onError(error);
      // A stream that was ending has nothing to come.
      if (ending) {
        stream.onHypothesis(finalOf([], "stop"));
        finish();
        return;
      }
      coveredMs = 0;
      lostBytes = receivedBytes;
      open();
      // What waited for the lost thread to catch up would never end.
      wake();
    },
  };
}

// ---

function later(hypothesis: Hypothesis, byS: number): Hypothesis {
  if (byS === 0) return hypothesis;
  const move = (timeS: number): number => Math.round((timeS + byS) * 1000) / 1000;
  const words = hypothesis.words.map((word) => ({ ...word, start: move(word.start), end: move(word.end) }));
  return { ...hypothesis, words };
}
