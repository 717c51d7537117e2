import type { GigasttError } from "../../shared/errors.ts";
import { finalOf } from "../windows/hypothesis.ts";
import { SAMPLE_BYTES } from "../audio/codec/pcm.ts";
import type { EndpointOptions, Hypothesis, LiveStream, LiveStreamOptions, UtteranceEvent } from "../contract.ts";
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
  utterance(event: UtteranceEvent): void;
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
  const { sampleRateHz, codec = "s16le", channelCount = 1, hotWords } = stream;
  const bytesPerMs = (sampleRateHz * SAMPLE_BYTES[codec] * channelCount) / 1000;
  let endpoint: EndpointOptions = endpointOf(stream);
  /** Utterances that began and whose final has not come, and whether the last of them still goes on. */
  let unfinished = 0;
  let isOpen = false;
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
    send({ type: "stream_open", id, options: { sampleRateHz, codec, channelCount, hotWords, ...endpoint } });
  }

  const handle: LiveStream = {
    write(pcm) {
      if (over || ending || pcm.length === 0) return;
      const bytes = new Uint8Array(pcm);
      receivedBytes += bytes.length;
      send({ type: "stream_data", id, bytes }, [bytes.buffer]);
    },
    configure(next) {
      endpoint = endpointOf(next);
      if (!over && !ending) send({ type: "stream_configure", id, options: endpoint });
    },
    get writtenMs() {
      return receivedBytes / bytesPerMs;
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

  function utterance({ type, atS }: UtteranceEvent): void {
    isOpen = type === "began" || (isOpen && type === "empty");
    if (type !== "ended") unfinished = Math.max(0, unfinished + (type === "began" ? 1 : -1));
    stream.onUtterance?.({ type, atS: atS + lostBytes / bytesPerMs / 1000 });
  }

  /** The utterances that were in a lost thread have no final any more, except the one that the end of the stream closes. */
  function dropUtterances(): void {
    const atS = receivedBytes / bytesPerMs / 1000;
    const isClosing = isOpen && ending !== undefined;
    if (isOpen && !isClosing) stream.onUtterance?.({ type: "ended", atS });
    for (; unfinished > (isClosing ? 1 : 0); unfinished--) stream.onUtterance?.({ type: "empty", atS });
    isOpen = false;
  }

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
    heard: (hypothesis) => {
      if (hypothesis.type === "final") unfinished = Math.max(0, unfinished - 1);
      stream.onHypothesis(later(hypothesis, lostBytes / bytesPerMs / 1000));
    },
    utterance,
    finished: finish,
    lost(error) {
      stream.onError(error);
      dropUtterances();
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

function endpointOf({ endpoint, minSilenceMs, commitPolicy }: EndpointOptions): EndpointOptions {
  return { endpoint, minSilenceMs, commitPolicy };
}

function later(hypothesis: Hypothesis, byS: number): Hypothesis {
  if (byS === 0) return hypothesis;
  const move = (timeS: number): number => Math.round((timeS + byS) * 1000) / 1000;
  const words = hypothesis.words.map((word) => ({ ...word, start: move(word.start), end: move(word.end) }));
  return { ...hypothesis, words };
}
