import type { Hypothesis, Word } from "../../engine/contract.ts";

/** A `partial` or `final` as sent on the wire; `text` is always `committed + tentative`. */
export interface SegmentMessage {
  readonly type: "partial" | "final";
  readonly text: string;
  readonly committed: string;
  readonly tentative: string;
  /** Unix time in seconds when it was produced. */
  readonly timestamp: number;
  readonly words: readonly Word[];
  readonly is_final: boolean;
  readonly confidence?: number;
  readonly speech_final?: boolean;
  readonly endpoint_reason?: Hypothesis["endpointReason"];
  /** Of a recording whose channels are transcribed on their own. */
  readonly channel?: number;
  /** The server had to end before the audio was recognised completely. */
  readonly truncated?: true;
}

export function segmentMessage(hypothesis: Hypothesis, nowMs: number, isTruncated = false): SegmentMessage {
  const isFinal = hypothesis.type === "final";
  return {
    type: hypothesis.type,
    text: hypothesis.committed + hypothesis.tentative,
    committed: hypothesis.committed,
    tentative: hypothesis.tentative,
    timestamp: Math.round(nowMs) / 1000,
    words: hypothesis.words,
    is_final: isFinal,
    ...(hypothesis.confidence === undefined ? {} : { confidence: hypothesis.confidence }),
    ...(isFinal ? { speech_final: hypothesis.speechFinal && !isTruncated } : {}),
    ...(isFinal && hypothesis.endpointReason !== undefined ? { endpoint_reason: hypothesis.endpointReason } : {}),
    ...(hypothesis.channel === undefined ? {} : { channel: hypothesis.channel }),
    ...(isTruncated ? { truncated: true } : {}),
  };
}
