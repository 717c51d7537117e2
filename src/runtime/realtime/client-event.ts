import { isObject, parseObject } from "../../shared/text/json-object.ts";
import { WireError } from "../../shared/errors.ts";

/** What a client's text frame asks for. `eventId` is the client's own name of the event: errors repeat it. */
export type ClientEvent = { readonly eventId: string | undefined } & (
  | { readonly kind: "append"; readonly audio: Uint8Array }
  | { readonly kind: "commit" | "clear" }
  | { readonly kind: "update"; readonly isBeta: boolean; readonly session: Readonly<Record<string, unknown>> }
  | { readonly kind: "retrieve" | "delete"; readonly itemId: string }
  /** An event of conversations: a transcription session has no such thing. */
  | { readonly kind: "foreign"; readonly type: string }
  | { readonly kind: "faulty"; readonly error: WireError }
);

/** Parses a text frame. Unknown fields are ignored. */
export function parseClientEvent(text: string): ClientEvent {
  const value = parseObject(text);
  const type = value?.["type"];
  if (value === undefined || typeof type !== "string") {
    return { kind: "faulty", eventId: undefined, error: bad('an event must be a JSON object with a "type"', "type") };
  }
  const eventId = typeof value["event_id"] === "string" ? value["event_id"].slice(0, MAX_ID_CHARS) : undefined;
  const faulty = (message: string, param: string): ClientEvent => ({
    kind: "faulty",
    eventId,
    error: bad(message, param),
  });
  switch (type) {
    case "input_audio_buffer.append": {
      const audio = decodeBase64(value["audio"]);
      return audio === undefined ? faulty("audio must be base64 text", "audio") : { kind: "append", eventId, audio };
    }
    case "input_audio_buffer.commit":
      return { kind: "commit", eventId };
    case "input_audio_buffer.clear":
      return { kind: "clear", eventId };
    case "session.update":
    case "transcription_session.update": {
      const session = value["session"];
      if (!isObject(session)) return faulty("session must be an object", "session");
      return { kind: "update", eventId, isBeta: type === "transcription_session.update", session };
    }
    case "conversation.item.retrieve":
    case "conversation.item.delete": {
      const itemId = value["item_id"];
      if (typeof itemId !== "string") return faulty("item_id must be the id of an item", "item_id");
      return { kind: type === "conversation.item.retrieve" ? "retrieve" : "delete", eventId, itemId };
    }
    default:
      return FOREIGN.test(type)
        ? { kind: "foreign", eventId, type }
        : faulty(`${JSON.stringify(type.slice(0, MAX_ID_CHARS))} is not an event of the Realtime API`, "type");
  }
}

// ---

const MAX_ID_CHARS = 64;
const FOREIGN = /^(?:conversation\.item\.(?:create|truncate)|response\.(?:create|cancel)|output_audio_buffer\.clear)$/;

/** Node skips what is not base64: then there are fewer bytes than the text has room for. */
function decodeBase64(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string") return undefined;
  const padding = value.endsWith("==") ? 2 : value.endsWith("=") ? 1 : 0;
  const bytes = Buffer.from(value, "base64");
  return bytes.length === Math.floor(((value.length - padding) * 3) / 4) ? bytes : undefined;
}

function bad(message: string, param: string): WireError {
  return new WireError("bad_request", message, { param });
}
