import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createAllowance } from "../../shared/time/allowance.ts";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import { openAiError } from "../../shared/error-forms.ts";
import { modelLanguages } from "../language.ts";
import type { Dialect, FrameReader, Message, ReaderTools } from "../sessions/dialect.ts";
import { parseClientEvent } from "./client-event.ts";
import type { ClientEvent } from "./client-event.ts";
import { createItems } from "./items.ts";
import type { ServerEvent } from "./items.ts";
import { sessionObject } from "./session-object.ts";
import type { Shape } from "./session-object.ts";
import { applyUpdate, bytesPerMs, defaultSettings, isSameFormat, listeningOptions } from "./session-settings.ts";

/** Sessions of `/v1/realtime`: OpenAI's Realtime API with the intent of transcription, in its general and its older shape. */
export function createRealtimeDialect(context: RuntimeContext, req: IncomingMessage): Dialect {
  const { settings: server, engine, clock } = context;
  const { stream } = server.current;
  const languages = modelLanguages(engine);
  const id = newId("sess");
  const query = new URL(req.url ?? "/", "http://localhost").searchParams;
  const isTranscription = query.get("intent") === "transcription";
  let shape: Shape = asksForBeta(req) ? "beta" : "ga";
  let settings = defaultSettings((query.get("model") ?? engine.model?.id ?? "default").slice(0, 128));
  /** The client event that is being read: its errors name it. */
  let causeId: string | undefined;
  const items = createItems(
    () => newId("item"),
    () => shape,
    languages,
  );

  const written = (events: readonly ServerEvent[]): Message[] =>
    events.map((event) => JSON.stringify({ event_id: newId("event"), ...event }));
  const sessionEvent = (type: string): Message[] =>
    written([{ type, session: sessionObject(id, settings, { stream, shape, languages }) }]);
  const isManual = (): boolean => settings.turnDetection === null;

  return {
    greet: () =>
      sessionEvent(shape === "beta" && isTranscription ? "transcription_session.created" : "session.created"),
    heard: ({ hypothesis, isTruncated }) => written(items.heard(hypothesis, isTruncated)),
    utterance: (event) => written(items.utterance(event, isManual())),
    missed: (error) => {
      items.missed(error);
      return [];
    },
    failed: (error) => {
      // Clients with a pool of sockets take any error for fatal; a socket that is only closed is opened again.
      if (error.wireCode === "idle_timeout") return [];
      const event_id = causeId ?? null;
      return written([{ type: "error", error: { ...openAiError(error), event_id } }]);
    },
    idleTimeoutMs: () => server.current.realtime.idleTimeoutMs,
    createReader: createReader,
  };

  function createReader(tools: ReaderTools): FrameReader {
    let faults = 0;
    let audioBytes = 0;
    let audioS = 0;
    const updates = createAllowance(clock, UPDATES_PER_S, UPDATES_AT_ONCE);

    const violate = (what: string): void => {
      tools.sendError(new WireError("policy_violation", what));
      tools.violate(what);
    };
    const send = (events: readonly ServerEvent[]): void => tools.send(...written(events));

    const endStream = (): void => {
      items.streamEnded();
      void tools.endUtterance();
    };

    const append = (audio: Uint8Array): void => {
      if (audio.length === 0) return tools.countEmpty();
      audioBytes += audio.length;
      const ms = audio.length / bytesPerMs(settings.format);
      audioS += ms / 1000;
      items.wrote(ms);
      tools.write(audio, listeningOptions(settings, stream));
    };

    const commit = (): void => {
      if (items.uncommittedMs <= 0) {
        const none = "there is no audio to commit; append some first";
        return tools.sendError(new WireError("input_audio_buffer_commit_empty", none));
      }
      send(items.commit());
      endStream();
    };

    const clear = (): void => {
      if (items.clear()) endStream();
      else {
        items.streamEnded();
        tools.drop();
      }
      send([{ type: "input_audio_buffer.cleared" }]);
    };

    const update = (event: Extract<ClientEvent, { kind: "update" }>): void => {
      updates.spend(1);
      if (updates.owedMs > 0) return violate(`more than ${UPDATES_PER_S} session updates a second`);
      const next = applyUpdate(event.session, settings);
      if (!isSameFormat(settings.format, next.format) && audioBytes > 0) changeFormat();
      settings = next;
      const isFlat = FLAT_FIELDS.some((name) => event.session[name] !== undefined);
      if (event.isBeta || isFlat) shape = "beta";
      tools.send(...sessionEvent(event.isBeta ? "transcription_session.updated" : "session.updated"));
    };

    /** Audio of another format is another stream. What was said so far is a turn. */
    const changeFormat = (): void => {
      if (items.hasOpen || (isManual() && items.uncommittedMs > 0)) return commit();
      items.clear();
      endStream();
    };

    const retrieve = (itemId: string, isDelete: boolean): void => {
      const item = items.retrieve(itemId);
      if (item === undefined) {
        const none = "this item is not known; the last 64 items with a transcript are kept";
        return tools.sendError(new WireError("not_found", none, { param: "item_id" }));
      }
      if (!isDelete) return send([{ type: "conversation.item.retrieved", item }]);
      items.forget(itemId);
      send([{ type: "conversation.item.deleted", item_id: itemId }]);
    };

    const fault = (error: WireError): void => {
      tools.sendError(error);
      faults++;
      if (faults >= MAX_FAULTS) violate(`${MAX_FAULTS} frames were not events of the Realtime API`);
    };

    const take = (event: ClientEvent): void => {
      switch (event.kind) {
        case "append":
          return append(event.audio);
        case "commit":
          return commit();
        case "clear":
          return clear();
        case "update":
          return update(event);
        case "retrieve":
        case "delete":
          return retrieve(event.itemId, event.kind === "delete");
        case "foreign":
          return tools.sendError(
            new WireError("bad_request", `${event.type} is not part of a transcription session`, { param: "type" }),
          );
        case "faulty":
          return fault(event.error);
      }
    };

    return {
      read: (frame) => {
        if ("audio" in frame)
          return fault(new WireError("bad_request", "events are text frames; audio is base64 in them"));
        const event = parseClientEvent(frame.text);
        causeId = event.eventId;
        try {
          take(event);
        } catch (error) {
          // A refused field; what the engine throws ends the session.
          if (event.kind !== "update" || !(error instanceof WireError)) throw error;
          tools.sendError(error);
        } finally {
          causeId = undefined;
        }
      },
      readLate: (frame) => {
        const event = "text" in frame ? parseClientEvent(frame.text) : undefined;
        if (event?.kind === "append") append(event.audio);
      },
      get audioS() {
        return audioS;
      },
    };
  }
}

/** Chooses the subprotocol of an upgrade: the others are a version tag, and the key, which is not repeated. */
export function chooseRealtimeSubprotocol(offered: readonly string[]): string | undefined {
  return offered.find((name) => name === "realtime");
}

// ---

const MAX_FAULTS = 10;
const UPDATES_PER_S = 2;
const UPDATES_AT_ONCE = 256;
const FLAT_FIELDS = [
  "input_audio_format",
  "input_audio_transcription",
  "turn_detection",
  "input_audio_noise_reduction",
];

function asksForBeta({ headers }: IncomingMessage): boolean {
  const version = String(headers["openai-beta"] ?? "");
  return (
    version.includes("realtime=v1") || (headers["sec-websocket-protocol"] ?? "").includes("openai-beta.realtime-v1")
  );
}

function newId(kind: string): string {
  return `${kind}_${randomBytes(12).toString("base64url")}`;
}
