import type { EndpointOptions, Hypothesis, LiveStream, UtteranceEvent, WindowTiming } from "../../engine/contract.ts";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import type { Heard, SessionOptions } from "./dialect.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** The engine's side of a session: audio in, segments to the client out. */
export interface Utterances {
  /** Opens the engine's stream at the first byte: a session that sends nothing costs nothing. Throws a WireError when the engine takes none. */
  write(pcm: Uint8Array, options: SessionOptions): void;
  /** Milliseconds of audio received and not yet recognised. */
  readonly backlogMs: number;
  waitForBacklogBelow(ms: number): Promise<void>;
  /** Why the machine does not keep up with one more live session than so many, a sentence; undefined when it does. */
  blockedBy(speaking: number): string | undefined;
  /**
   * Ends the stream and delivers its last final: the engine's, within `boundMs` and until `stop` aborts; after that what is known so far, marked `truncated`.
   * Resolves true when it was complete. The next write opens a new stream.
   * @param isShort some of the audio was not given to the engine: the final says `truncated` too
   */
  end(boundMs: number, stop: AbortSignal, isShort: boolean): Promise<boolean>;
  /** Ends the stream without a final. The next write opens a new one. */
  drop(): void;
  abort(): void;
}

export interface UtterancesOptions {
  readonly requestId: string;
  readonly onHeard: (heard: Heard) => void;
  readonly onMissed: (error: WireError) => void;
  readonly onUtterance: (event: UtteranceEvent) => void;
  readonly onSpeech: () => void;
  readonly onWindow: ((window: WindowTiming) => void) | undefined;
}

export function createUtterances(
  context: RuntimeContext,
  { requestId, onHeard, onMissed, onUtterance, onSpeech, onWindow }: UtterancesOptions,
): Utterances {
  const { engine, clock, metrics, log } = context;
  let stream: LiveStream | undefined;
  let endpoint: EndpointOptions | undefined;
  let lastPartial: Hypothesis | undefined;
  let startedMs = 0;
  let partialSeen = false;
  let isCutShort = false;

  const onHypothesis = (hypothesis: Hypothesis): void => {
    const isPartial = hypothesis.type === "partial";
    lastPartial = isPartial ? hypothesis : undefined;
    if (isPartial && !partialSeen) {
      partialSeen = true;
      metrics.firstPartial((clock.monotonicMs() - startedMs) / 1000);
    }
    onHeard({
      hypothesis,
      isLast: !isPartial && hypothesis.endpointReason === "stop",
      isTruncated: isCutShort && !isPartial,
    });
  };

  const onError = (error: Error): void => {
    log.error("session_window_failed", { request_id: requestId, err: error });
    const told = "a part of the audio could not be recognised; the session continues";
    onMissed(error instanceof WireError ? error : new WireError("inference_error", told));
  };

  /** Better than silence, and said to be incomplete. */
  const sendTruncated = (): void => {
    stream?.abort();
    onHeard({
      hypothesis: lastPartial === undefined ? EMPTY_FINAL : { ...lastPartial, type: "final", endpointReason: "length" },
      isLast: true,
      isTruncated: true,
    });
  };

  const forget = (): void => {
    stream = undefined;
    lastPartial = undefined;
    partialSeen = false;
  };

  return {
    write: (pcm, options) => {
      if (stream === undefined) {
        startedMs = clock.monotonicMs();
        stream = engine.openStream({ ...options, onHypothesis, onSpeech, onUtterance, onWindow, onError });
      } else if (endpoint !== undefined && !isSameEndpoint(endpoint, options)) {
        stream.configure(options);
      }
      endpoint = options;
      stream.write(pcm);
    },
    get backlogMs() {
      return stream?.backlogMs ?? 0;
    },
    waitForBacklogBelow: (ms) => stream?.waitForBacklogBelow(ms) ?? Promise.resolve(),
    blockedBy: (speaking) => {
      const { canOpenMore, reason } = engine.liveCapacity(speaking);
      return canOpenMore ? undefined : (reason ?? "this machine cannot keep up with more live sessions");
    },
    end: async (boundMs, stop, isShort) => {
      isCutShort = isShort;
      if (stream === undefined) {
        onHeard({ hypothesis: EMPTY_FINAL, isLast: true, isTruncated: isShort });
        return true;
      }
      const isComplete = await settlesWithin(stream.end(), boundMs, stop, (error) =>
        log.error("session_failed", { request_id: requestId, err: error }),
      );
      if (!isComplete) sendTruncated();
      forget();
      return isComplete;
    },
    drop: () => {
      stream?.abort();
      forget();
    },
    abort: () => stream?.abort(),
  };
}

function isSameEndpoint(a: EndpointOptions, b: EndpointOptions): boolean {
  return a.endpoint === b.endpoint && a.minSilenceMs === b.minSilenceMs && a.commitPolicy === b.commitPolicy;
}

/** The final of a stream in which nothing was pending. */
const EMPTY_FINAL: Hypothesis = {
  type: "final",
  committed: "",
  tentative: "",
  words: [],
  confidence: undefined,
  endpointReason: "stop",
  speechFinal: true,
};

async function settlesWithin(
  work: Promise<void>,
  boundMs: number,
  stop: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let onStop = (): void => {};
  const late = new Promise<boolean>((resolve) => {
    onStop = () => resolve(false);
    timer = setTimeout(onStop, boundMs);
    if (stop.aborted) onStop();
    stop.addEventListener("abort", onStop, { once: true });
  });
  const done = work.then(
    () => true,
    (error: unknown) => {
      onFailure(error);
      return false;
    },
  );
  const isComplete = await Promise.race([done, late]);
  clearTimeout(timer);
  stop.removeEventListener("abort", onStop);
  return isComplete;
}
