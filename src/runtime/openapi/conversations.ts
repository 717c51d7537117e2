import { MIN_PROTOCOL_VERSION, PROTOCOL_VERSION, SESSION_RATES_HZ, WIRE_ERROR_STATUS } from "../../shared/protocol.ts";
import type { WebSocketRouteName } from "../../shared/protocol.ts";
import { BOOLEAN, INTEGER, NUMBER, TEXT, array, object, oneOf, ref } from "./operation.ts";
import type { Schema } from "./operation.ts";

/** A message of a session: what it means and, of a text frame, its JSON. A binary frame has none. */
export interface MessageForm {
  readonly summary: string;
  readonly payload?: Schema;
}

/** What is said in the sessions of a route, by the `type` of the message. */
export interface Conversation {
  readonly client: Readonly<Record<string, MessageForm>>;
  readonly server: Readonly<Record<string, MessageForm>>;
}

type Fields = Readonly<Record<string, Schema>>;

function message(summary: string, fields: Fields, optional: Fields = {}): MessageForm {
  return { summary, payload: object(fields, optional) };
}

/** Adds to each message its `type`. */
function typed(forms: Conversation["client"]): Conversation["client"] {
  return Object.fromEntries(
    Object.entries(forms).map(([name, { summary, payload }]) => [
      name,
      {
        summary,
        ...(payload === undefined ? {} : { payload: { allOf: [object({ type: { const: name } }), payload] } }),
      },
    ]),
  );
}

// --- /v1/ws

const TRUE = { const: true };
const HEARD = { text: TEXT, committed: TEXT, tentative: TEXT, timestamp: NUMBER, words: array(ref("Word")) };

const native: Conversation = {
  client: typed({
    configure: message(
      "Before the first audio. A field that is left out or null stays as it is.",
      {},
      {
        sample_rate: { enum: [...SESSION_RATES_HZ, null] },
        endpoint_mode: { enum: ["auto", "assistant", "manual", null] },
        commit_policy: { enum: ["auto", "on_finalize", "stable_prefix", null] },
        min_silence_ms: { type: ["number", "null"], minimum: 100, maximum: 10_000 },
        protocol_version: { type: ["string", "null"] },
        hotwords: {},
      },
    ),
    audio: { summary: "PCM, 16 bit little endian, mono, at the rate of the session." },
    stop: message("The last final follows, then the connection ends.", {}),
  }),
  server: typed({
    ready: message("The session has begun.", {
      model: TEXT,
      sample_rate: INTEGER,
      version: { const: PROTOCOL_VERSION },
      min_protocol_version: { const: MIN_PROTOCOL_VERSION },
      supported_rates: array(INTEGER),
      max_session_secs: NUMBER,
      idle_timeout_secs: NUMBER,
    }),
    partial: message("What is heard so far: `committed` stays, `tentative` may change.", {
      ...HEARD,
      is_final: { const: false },
    }),
    final: message(
      "The text of an utterance.",
      { ...HEARD, is_final: TRUE, speech_final: BOOLEAN },
      { confidence: NUMBER, endpoint_reason: TEXT, truncated: TRUE },
    ),
    error: message(
      "A message was refused, or the session ends.",
      { message: TEXT, code: oneOf(Object.keys(WIRE_ERROR_STATUS)) },
      { retry_after_ms: INTEGER },
    ),
  }),
};

// --- /v1/realtime

const ITEM = "conversation.item.input_audio_transcription";
const OPEN_OBJECT: Schema = { type: "object" };
const itemId = { item_id: TEXT };
const part = { ...itemId, content_index: INTEGER };
const previous = { previous_item_id: { type: ["string", "null"] } };

/** Events of the server carry an id, those of the client may. */
function events(
  from: "client" | "server",
  forms: Readonly<Record<string, readonly [string, Fields]>>,
): Conversation["client"] {
  const id = { event_id: TEXT };
  return typed(
    Object.fromEntries(
      Object.entries(forms).map(([name, [summary, fields]]) => [
        name,
        from === "client" ? message(summary, fields, id) : message(summary, { ...id, ...fields }),
      ]),
    ),
  );
}

const realtime: Conversation = {
  client: events("client", {
    "session.update": ["Changes the session, at any time.", { session: OPEN_OBJECT }],
    "transcription_session.update": ["The same in the older shape.", { session: OPEN_OBJECT }],
    "input_audio_buffer.append": ["Audio in base64, in the format of the session.", { audio: TEXT }],
    "input_audio_buffer.commit": ["Ends the turn.", {}],
    "input_audio_buffer.clear": ["Forgets what is not committed.", {}],
    "conversation.item.retrieve": ["Asks for a finished item.", itemId],
    "conversation.item.delete": ["Forgets a finished item.", itemId],
  }),
  server: events("server", {
    "session.created": ["The session has begun.", { session: OPEN_OBJECT }],
    "transcription_session.created": ["The same in the older shape.", { session: OPEN_OBJECT }],
    "session.updated": ["The session as it is now.", { session: OPEN_OBJECT }],
    "transcription_session.updated": ["The same in the older shape.", { session: OPEN_OBJECT }],
    "input_audio_buffer.speech_started": ["Speech was heard.", { ...itemId, audio_start_ms: INTEGER }],
    "input_audio_buffer.speech_stopped": ["Speech has ended.", { ...itemId, audio_end_ms: INTEGER }],
    "input_audio_buffer.committed": ["The turn is over.", { ...itemId, ...previous }],
    "input_audio_buffer.cleared": ["What was not committed is forgotten.", {}],
    "conversation.item.created": ["The item of a turn, in the older shape.", { ...previous, item: OPEN_OBJECT }],
    "conversation.item.added": ["The item of a turn.", { ...previous, item: OPEN_OBJECT }],
    "conversation.item.done": ["The item of a turn is complete.", { ...previous, item: OPEN_OBJECT }],
    "conversation.item.retrieved": ["An item that was asked for.", { item: OPEN_OBJECT }],
    "conversation.item.deleted": ["An item is forgotten.", itemId],
    [`${ITEM}.delta`]: ["Committed words.", { ...part, delta: TEXT }],
    [`${ITEM}.completed`]: ["The transcript of an item.", { ...part, transcript: TEXT, usage: OPEN_OBJECT }],
    [`${ITEM}.failed`]: ["The audio of an item was not recognised.", { ...part, error: OPEN_OBJECT }],
    error: ["An event was refused, or the session ends.", { error: OPEN_OBJECT }],
  }),
};

/** What is said on each WebSocket route. */
export const CONVERSATIONS: Readonly<Record<WebSocketRouteName, Conversation>> = {
  live: native,
  liveAlias: native,
  realtime,
};
