import type { StreamConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import { SESSION_RATES_HZ } from "../../shared/protocol.ts";
import type { SessionOptions } from "../sessions/dialect.ts";
import { isObject } from "../../shared/text/json-object.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How turns end. The numbers that have no effect are kept: clients see what they set. */
export interface TurnDetection {
  readonly type: "server_vad" | "semantic_vad";
  readonly threshold?: number;
  readonly prefix_padding_ms?: number;
  readonly silence_duration_ms?: number;
  readonly idle_timeout_ms?: number | null;
  readonly eagerness?: Eagerness;
}

type Eagerness = (typeof EAGERNESS)[number];
export type InputFormat = { readonly type: "audio/pcm"; readonly rate: number } | { readonly type: G711 };
type G711 = "audio/pcmu" | "audio/pcma";

/** What a client may choose, at any time. A field that an update leaves out keeps its value. */
export interface SessionSettings {
  readonly format: InputFormat;
  readonly model: string;
  readonly delay: string | undefined;
  /** null: the client ends turns, by `commit`. */
  readonly turnDetection: TurnDetection | null;
}

export function defaultSettings(model: string): SessionSettings {
  return {
    format: { type: "audio/pcm", rate: PCM_RATE_HZ },
    model,
    delay: undefined,
    turnDetection: { type: "server_vad" },
  };
}

/** Returns the settings after an update of either shape. Throws a WireError that names the field; nothing of the update counts then. */
export function applyUpdate(session: Fields, before: SessionSettings): SessionSettings {
  const audio = objectAt(session["audio"], "session.audio");
  const input = objectAt(audio?.["input"], "session.audio.input");
  // The older shape is flat.
  const pick = (name: string, flat: string): readonly [unknown, string] =>
    input?.[name] === undefined ? [session[flat], `session.${flat}`] : [input[name], `session.audio.input.${name}`];
  const [transcription, at] = pick("transcription", "input_audio_transcription");
  const transcriber = objectAt(transcription, at);
  return {
    format: formatOf(...pick("format", "input_audio_format")) ?? before.format,
    model: textOf(transcriber?.["model"], `${at}.model`) ?? before.model,
    delay: textOf(transcriber?.["delay"], `${at}.delay`) ?? before.delay,
    turnDetection: turnOf(...pick("turn_detection", "turn_detection"), before.turnDetection),
  };
}

/** Returns how the engine listens under these settings. */
export function listeningOptions(settings: SessionSettings, stream: StreamConfig): SessionOptions {
  const turn = settings.turnDetection;
  const isSoon = settings.delay === "minimal" || settings.delay === "low";
  return {
    ...ENCODINGS[settings.format.type],
    sampleRateHz: settings.format.type === "audio/pcm" ? settings.format.rate : G711_RATE_HZ,
    endpoint: turn === null ? "manual" : stream.endpoint === "manual" ? "auto" : stream.endpoint,
    minSilenceMs: turn === null ? stream.minSilenceMs : silenceOf(turn, stream),
    commitPolicy: isSoon ? "stable_prefix" : stream.commitPolicy,
  };
}

/** Returns the silence that ends a turn, milliseconds. */
export function silenceOf(turn: TurnDetection, stream: StreamConfig): number {
  if (turn.type === "semantic_vad") return SILENCE_BY_EAGERNESS_MS[turn.eagerness ?? "auto"];
  return clamp(turn.silence_duration_ms ?? stream.minSilenceMs, 100, 10_000);
}

/** Returns the bytes of a millisecond of audio. */
export function bytesPerMs(format: InputFormat): number {
  return format.type === "audio/pcm" ? (format.rate * 2) / 1000 : G711_RATE_HZ / 1000;
}

export function isSameFormat(a: InputFormat, b: InputFormat): boolean {
  return a.type === b.type && bytesPerMs(a) === bytesPerMs(b);
}

// ---

const PCM_RATE_HZ = 24_000;
const G711_RATE_HZ = 8000;
const EAGERNESS = ["low", "medium", "high", "auto"] as const;
/** OpenAI waits 8, 4 and 2 s at most for the end of an unfinished sentence, and less for a finished one. Here silence alone counts. */
const SILENCE_BY_EAGERNESS_MS: Readonly<Record<Eagerness, number>> = { low: 1500, medium: 800, auto: 800, high: 400 };
const ENCODINGS = {
  "audio/pcm": { codec: "s16le" },
  "audio/pcmu": { codec: "pcmu" },
  "audio/pcma": { codec: "pcma" },
} as const;
const FLAT_FORMATS: Readonly<Record<string, InputFormat>> = {
  pcm16: { type: "audio/pcm", rate: PCM_RATE_HZ },
  g711_ulaw: { type: "audio/pcmu" },
  g711_alaw: { type: "audio/pcma" },
};
const MAX_TEXT_CHARS = 128;

function formatOf(value: unknown, at: string): InputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const { type, rate } = isObject(value) ? value : { type: value, rate: undefined };
  if (typeof type === "string" && Object.hasOwn(FLAT_FORMATS, type)) return FLAT_FORMATS[type];
  if (type === "audio/pcmu" || type === "audio/pcma") return { type };
  if (type !== "audio/pcm") {
    throw bad(at, "must be audio/pcm, audio/pcmu or audio/pcma (pcm16, g711_ulaw or g711_alaw in the older shape)");
  }
  const found = SESSION_RATES_HZ.find((one) => one === (rate ?? PCM_RATE_HZ));
  if (found === undefined) throw bad(`${at}.rate`, `must be one of ${SESSION_RATES_HZ.join(", ")}`);
  return { type, rate: found };
}

function turnOf(value: unknown, at: string, before: TurnDetection | null): TurnDetection | null {
  if (value === undefined) return before;
  if (value === null) return null;
  const fields = objectAt(value, at)!; // it is neither undefined nor null
  const type = fields["type"] ?? before?.type ?? "server_vad";
  if (type !== "server_vad" && type !== "semantic_vad") {
    throw bad(`${at}.type`, "must be server_vad or semantic_vad; null ends turns by commit alone");
  }
  const kept = before?.type === type ? before : undefined;
  const number = (name: NumberField, max: number): Partial<TurnDetection> => {
    const given = fields[name] ?? kept?.[name];
    if (given === undefined || given === null) return {};
    if (typeof given !== "number" || !(given >= 0 && given <= max)) {
      throw bad(`${at}.${name}`, `must be a number from 0 to ${max}`);
    }
    return { [name]: given };
  };
  if (type === "server_vad") {
    return {
      type,
      ...number("threshold", 1),
      ...number("prefix_padding_ms", 60_000),
      ...number("silence_duration_ms", 60_000),
      ...number("idle_timeout_ms", 600_000),
    };
  }
  const eagerness = fields["eagerness"] ?? kept?.eagerness ?? "auto";
  const found = EAGERNESS.find((one) => one === eagerness);
  if (found === undefined) throw bad(`${at}.eagerness`, `must be one of ${EAGERNESS.join(", ")}`);
  return { type, eagerness: found };
}

type NumberField = "threshold" | "prefix_padding_ms" | "silence_duration_ms" | "idle_timeout_ms";

function objectAt(value: unknown, at: string): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw bad(at, "must be an object");
  return value;
}

function textOf(value: unknown, at: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length > MAX_TEXT_CHARS) {
    throw bad(at, `must be text of at most ${MAX_TEXT_CHARS} characters`);
  }
  return value;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function bad(param: string, rule: string): WireError {
  return new WireError("bad_request", `${param} ${rule}`, { param });
}
