import type { Hypothesis, UtteranceEvent } from "../../engine/contract.ts";
import type { WireError } from "../../shared/errors.ts";
import type { OpenAiError } from "../../shared/error-forms.ts";
import { openAiError } from "../../shared/error-forms.ts";
import { languageOf } from "../../shared/languages.ts";
import type { Shape } from "./session-object.ts";

/** A server event without its id. */
export type ServerEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The items of a session: one for each turn of speech, from what the engine reports. Pure: returns the events to send. */
export interface Items {
  /** @param isManual turns end by commit: no speech events */
  utterance(event: UtteranceEvent, isManual: boolean): ServerEvent[];
  heard(hypothesis: Hypothesis, isTruncated: boolean): ServerEvent[];
  /** A part of the oldest item without transcript was not recognised. */
  missed(error: WireError): void;
  /** The client ends the turn: the engine's stream must end now. */
  commit(): ServerEvent[];
  /** The client forgets what is not committed. Returns whether finals of earlier items are still to come: then the stream must end, else it may be dropped. */
  clear(): boolean;
  /** Audio was written, milliseconds. */
  wrote(ms: number): void;
  /** The engine's stream has ended: the next one counts from here. */
  streamEnded(): void;
  /** Audio since the last turn, milliseconds. */
  readonly uncommittedMs: number;
  readonly hasOpen: boolean;
  retrieve(id: string): object | undefined;
  forget(id: string): boolean;
}

interface Item {
  readonly id: string;
  startMs: number;
  endMs: number;
  /** `speech_started` was sent. */
  isAnnounced: boolean;
  /** Transcript of the finished parts. */
  text: string;
  /** Characters sent as deltas. */
  sent: string;
  missed: WireError | undefined;
}

/** Completed items that a client may still ask for. */
const KEPT_ITEMS = 64;

/** @param languages of the model */
export function createItems(newId: () => string, shape: () => Shape, languages: readonly string[]): Items {
  /** The turn that goes on. */
  let open: Item | undefined;
  /** Committed turns whose transcript is to come, the oldest first. */
  const waiting: Item[] = [];
  /** The client has ended the turn; the engine still works on it. */
  let closing: "commit" | "clear" | undefined;
  let previousId: string | null = null;
  let writtenMs = 0;
  /** Audio before the present stream of the engine. */
  let streamMs = 0;
  let turnMs = 0;
  const kept = new Map<string, object>();

  const begin = (startMs: number): Item => ({
    id: newId(),
    startMs,
    endMs: startMs,
    isAnnounced: false,
    text: "",
    sent: "",
    missed: undefined,
  });

  const close = (item: Item, endMs: number): ServerEvent[] => {
    item.endMs = Math.max(item.startMs, endMs);
    turnMs = item.endMs;
    open = undefined;
    waiting.push(item);
    const before = previousId;
    previousId = item.id;
    const entry = { previous_item_id: before, item: itemObject(item.id, null) };
    return [
      ...(item.isAnnounced
        ? [{ type: "input_audio_buffer.speech_stopped", audio_end_ms: Math.round(item.endMs), item_id: item.id }]
        : []),
      { type: "input_audio_buffer.committed", item_id: item.id, previous_item_id: before },
      ...(shape() === "beta"
        ? [{ type: "conversation.item.created", ...entry }]
        : [
            { type: "conversation.item.added", ...entry },
            { type: "conversation.item.done", ...entry },
          ]),
    ];
  };

  /** What of the text is not sent yet. Committed words never change, so what was sent is a beginning of it. */
  const delta = (item: Item, text: string): ServerEvent[] => {
    if (text.length <= item.sent.length || !text.startsWith(item.sent)) return [];
    const rest = text.slice(item.sent.length);
    item.sent = text;
    return [{ type: `${TRANSCRIPTION}.delta`, item_id: item.id, content_index: 0, delta: rest }];
  };

  const finish = (item: Item, isTruncated: boolean): ServerEvent[] => {
    kept.set(item.id, itemObject(item.id, item.text));
    for (const id of kept.keys()) {
      if (kept.size <= KEPT_ITEMS) break;
      kept.delete(id);
    }
    const place = { item_id: item.id, content_index: 0 };
    const end =
      item.missed === undefined
        ? {
            type: `${TRANSCRIPTION}.completed`,
            ...place,
            transcript: item.text,
            languages: [{ code: languageOf(item.text, languages) }],
            usage: { type: "duration", seconds: Math.round(item.endMs - item.startMs) / 1000 },
            ...(isTruncated ? { truncated: true } : {}),
          }
        : { type: `${TRANSCRIPTION}.failed`, ...place, error: withoutNull(openAiError(item.missed)) };
    return [...delta(item, item.text), end];
  };

  /** The transcript of the oldest waiting item, or a part of it while the client's end of the turn is worked on. */
  const settle = (text: string, isTruncated: boolean): ServerEvent[] => {
    const [item] = waiting;
    if (item === undefined) return [];
    item.text = joined(item.text, text);
    if (closing === "commit" && waiting.length === 1) return delta(item, item.text);
    waiting.shift();
    return finish(item, isTruncated);
  };

  /** The stream's last final: the rest of a turn that the client, or the end of the session, has closed. */
  const settleLast = (text: string, isTruncated: boolean): ServerEvent[] => {
    const how = closing;
    closing = undefined;
    const isLoose = open !== undefined || (text !== "" && waiting.length === 0);
    const events = how === undefined && isLoose ? close(open ?? begin(turnMs), writtenMs) : [];
    const last = how === "clear" ? undefined : waiting.pop();
    // Only when the engine was cut short: what is known of them.
    for (const item of waiting.splice(0)) {
      item.text = item.sent;
      events.push(...finish(item, true));
    }
    if (last === undefined) return events;
    last.text = joined(last.text, text);
    return [...events, ...finish(last, isTruncated)];
  };

  return {
    utterance: ({ type, atS }, isManual) => {
      const atMs = streamMs + atS * 1000;
      if (type === "empty") return settle("", false);
      if (closing !== undefined) return [];
      if (type === "ended") return open === undefined ? [] : close(open, atMs);
      open ??= begin(isManual ? turnMs : atMs);
      if (isManual || open.isAnnounced) return [];
      open.isAnnounced = true;
      return [{ type: "input_audio_buffer.speech_started", audio_start_ms: Math.round(atMs), item_id: open.id }];
    },
    heard: (hypothesis, isTruncated) => {
      const { type, committed, tentative, endpointReason } = hypothesis;
      if (type === "partial") {
        const item = open ?? (closing === "commit" ? waiting.at(-1) : undefined);
        return item === undefined ? [] : delta(item, joined(item.text, committed.trimEnd()));
      }
      const text = committed + tentative;
      return endpointReason === "stop" || isTruncated ? settleLast(text, isTruncated) : settle(text, isTruncated);
    },
    missed: (error) => {
      const item = waiting[0] ?? open;
      if (item !== undefined) item.missed = error;
    },
    commit: () => {
      closing = "commit";
      const item = open ?? begin(turnMs);
      return close(item, writtenMs);
    },
    clear: () => {
      open = undefined;
      turnMs = writtenMs;
      if (waiting.length === 0) return false;
      closing = "clear";
      return true;
    },
    wrote: (ms) => {
      writtenMs += ms;
    },
    streamEnded: () => {
      streamMs = writtenMs;
    },
    get uncommittedMs() {
      return writtenMs - turnMs;
    },
    get hasOpen() {
      return open !== undefined;
    },
    retrieve: (id) => kept.get(id),
    forget: (id) => kept.delete(id),
  };
}

// ---

const TRANSCRIPTION = "conversation.item.input_audio_transcription";

function itemObject(id: string, transcript: string | null): object {
  return {
    id,
    object: "realtime.item",
    type: "message",
    status: "completed",
    role: "user",
    content: [{ type: "input_audio", transcript }],
  };
}

function joined(before: string, text: string): string {
  if (before === "" || text === "") return before + text;
  return `${before} ${text}`;
}

/** Clients that check the event refuse a null here. */
function withoutNull({ param, ...error }: OpenAiError): object {
  return param === null ? error : { ...error, param };
}
