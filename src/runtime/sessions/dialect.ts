import type { EndpointOptions, Hypothesis, LiveStreamOptions, UtteranceEvent } from "../../engine/contract.ts";
import type { WireError } from "../../shared/errors.ts";
import type { Frame } from "./inbox.ts";

/** How the engine listens to a session. The endpoint options may change with every write, the others when an utterance was ended. */
export type SessionOptions = EndpointOptions &
  Pick<LiveStreamOptions, "sampleRateHz" | "codec" | "channelCount" | "hotWords">;

/** What the engine heard. */
export interface Heard {
  readonly hypothesis: Hypothesis;
  /** The final behind which an utterance or the session ends. There is always one, if need be an empty one. */
  readonly isLast: boolean;
  /** Audio is missing in it because the server had to end. */
  readonly isTruncated: boolean;
}

/** A message as it goes to the socket: text, or bytes where the protocol frames itself. */
export type Message = string | Uint8Array;

/**
 * A protocol of live sessions: what its frames mean and how its answers are written. The session does the rest: order, slots, back-pressure,
 * time limits, drain.
 */
export interface Dialect {
  /** Sent first. */
  greet(): readonly Message[];
  /** Each result of the engine. */
  heard(event: Heard): readonly Message[];
  failed(error: WireError): readonly Message[];
  /** Where utterances begin and end, in order with what is heard. */
  utterance?(event: UtteranceEvent): readonly Message[];
  /** A part of the audio could not be recognised; the final of its utterance follows. Default: as `failed`. */
  missed?(error: WireError): readonly Message[];
  /** Silence of the client that ends its session, milliseconds. Default: `session.idleTimeout`. */
  idleTimeoutMs?(): number;
  /** Called once; frames are read through it one after the other. */
  createReader(tools: ReaderTools): FrameReader;
}

/** What a session's frames mean, one after the other. */
export interface FrameReader {
  /** Throws what the engine throws. */
  read(frame: Frame): void;
  /** A frame that came before the end and was not read yet. */
  readLate(frame: Frame): void;
  /** Length of the audio received so far, seconds. */
  readonly audioS: number;
}

/** What a reader can make a session do. */
export interface ReaderTools {
  /** Gives audio to the engine; while the model loads it waits. Throws what the engine throws. */
  write(pcm: Uint8Array, options: SessionOptions): void;
  send(...messages: readonly Message[]): void;
  sendError(error: WireError): void;
  /** Recognises what was written, delivers its last final, gives the slot back and reads on; frames wait until then. */
  endUtterance(): Promise<void>;
  /** Forgets what was written since the last `endUtterance`: nothing more is heard of it. */
  drop(): void;
  /** Ends the session: the last final, then Close. */
  stop(): void;
  /** Ends it because of an error: what was received is recognised, the last final, Close. */
  fail(error: WireError): void;
  /** Audio without audio came inside a message; of frames the session counts it. */
  countEmpty(): void;
  /** The client broke the protocol for good: close 1008 for this reason, at once. */
  violate(reason: string): void;
}
