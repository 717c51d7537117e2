import type { Socket } from "node:net";
import { WireError } from "../../shared/errors.ts";
import { requireHotWords } from "../../shared/hot-words.ts";
import type { ClientAddress } from "../access/client-address.ts";
import type { RuntimeContext } from "../context.ts";
import { requestId } from "../http/request-id.ts";
import { takenBytesOf } from "../sessions/peer.ts";
import type { SessionPeer } from "../sessions/peer.ts";
import { createSession } from "../sessions/session.ts";
import { createWyomingDialect } from "./dialect.ts";
import type { Control } from "./dialect.ts";
import { createEventReader } from "./framing.ts";
import type { WyomingEvent } from "./framing.ts";
import { isSameShape, parseShape } from "./shape.ts";
import type { AudioShape } from "./shape.ts";

/** A client this far ahead of the clock sends a recording. */
const AHEAD_MS = 2000;
/** Audio is handed on in pieces of the inbox. */
const PIECE_BYTES = 32 * 1024;

/** A connection that is served. */
export interface WyomingConnection {
  /** Ends it with an error: nothing more is read. */
  end(error: WireError): void;
  /** Bytes of audio that were read. */
  readonly audioBytes: number;
}

/** Serves one connection: its events become frames of a session, in order. */
export function serveConnection(
  socket: Socket,
  client: ClientAddress,
  context: RuntimeContext,
  refusal: WireError | undefined,
): WyomingConnection {
  let isBroken = false;
  let shape: AudioShape | undefined;
  let takesPayload = false;
  let isOpen = false;
  let beganMs = 0;
  let audioMs = 0;
  let audioBytes = 0;
  const arrivals = { isRecording: false, isComplete: false };

  const session = createSession(
    peerOf(socket),
    { requestId: requestId(undefined, context.clock), route: "wyoming", client: client.key },
    createWyomingDialect(context, client, arrivals),
    context,
  );
  const tell = (message: Control): void => session.receiveText(JSON.stringify(message));

  const open = (data: Readonly<Record<string, unknown>>): void => {
    const next = parseShape(data);
    if (isOpen && shape !== undefined && !isSameShape(shape, next))
      throw new WireError("invalid_audio", "the shape of the audio changed between audio-start and audio-stop");
    if (isOpen) return;
    shape = next;
    isOpen = true;
    beganMs = context.clock.monotonicMs();
    audioMs = 0;
    arrivals.isRecording = false;
    arrivals.isComplete = false;
    tell({ type: "start", shape: next });
  };

  const take = ({ type, data }: WyomingEvent): void => {
    takesPayload = type === "audio-chunk";
    switch (type) {
      case "describe":
        return tell({ type });
      case "ping":
        return tell({ type, ...textOf(data, "text") });
      case "transcribe":
        return tell({
          type,
          ...textOf(data, "language"),
          ...textOf(data, "vad_sensitivity", "sensitivity"),
          hotWords: requireHotWords([...listOf(data, "transcript_names"), ...listOf(data, "transcript_terms")]),
        });
      case "audio-start":
      case "audio-chunk":
        return open(data);
      case "audio-stop":
        isOpen = false;
        arrivals.isComplete = true;
        return tell({ type: "stop" });
      default:
      // Of other services, or of a newer version: to be dropped.
    }
  };

  const hear = (bytes: Uint8Array): void => {
    if (!takesPayload || shape === undefined) return;
    audioBytes += bytes.length;
    audioMs += bytes.length / shape.frameBytes / (shape.sampleRateHz / 1000);
    arrivals.isRecording ||= audioMs - (context.clock.monotonicMs() - beganMs) > AHEAD_MS;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) session.receiveAudio(bytes.subarray(at, at + PIECE_BYTES));
  };

  const reader = createEventReader({ onEvent: take, onPayload: hear });
  socket.on("data", (bytes: Buffer) => {
    if (isBroken) return;
    try {
      reader.push(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      end(error);
    }
  });
  const end = (error: WireError): void => {
    if (isBroken) return;
    isBroken = true;
    const code = error.wireCode === "invalid_audio" ? "invalid_audio" : "bad_request";
    tell({ type: "broken", code, message: error.message });
  };
  socket.once("end", () => {
    // A command without its end cannot be finished any more. One with it is still answered: the client closed its sending side alone.
    if (isOpen) socket.destroy();
    else tell({ type: "end" });
  });
  socket.once("close", () => session.gone(CLOSED_BY_CLIENT));
  context.sessions.add(session);
  if (refusal !== undefined) session.refuse(refusal);
  return {
    end,
    get audioBytes() {
      return audioBytes;
    },
  };
}

// ---

/** The code that sessions of sockets without a Close are counted under. */
const CLOSED_BY_CLIENT = 1005;

function peerOf(socket: Socket): SessionPeer {
  return {
    send: (message) => void socket.write(message),
    get bufferedBytes() {
      return socket.writableLength;
    },
    get takenBytes() {
      return takenBytesOf(socket);
    },
    close: () => socket.destroySoon(),
    terminate: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    // The protocol's own ping is not known to every client.
    ping: () => {},
  };
}

/** The field when it is a list. */
function listOf(data: Readonly<Record<string, unknown>>, field: string): readonly unknown[] {
  const value = data[field];
  return Array.isArray(value) ? value : [];
}

/** The field when it is text of a sensible length. */
function textOf(
  data: Readonly<Record<string, unknown>>,
  field: string,
  name: string = field,
): Readonly<Record<string, string>> {
  const value = data[field];
  return typeof value === "string" && value.length <= 200 ? { [name]: value } : {};
}
