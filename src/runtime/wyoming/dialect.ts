import { WireError } from "../../shared/errors.ts";
import type { HotWord } from "../../shared/hot-words.ts";
import { languageOf } from "../../shared/languages.ts";
import type { ClientAddress } from "../access/client-address.ts";
import { requireToken } from "../access/policies.ts";
import type { RuntimeContext } from "../context.ts";
import { toWireError } from "../http/replies/errors.ts";
import { modelLanguages, requireLanguages } from "../language.ts";
import type { Dialect, FrameReader, Heard, Message, ReaderTools, SessionOptions } from "../sessions/dialect.ts";
import type { Frame } from "../sessions/inbox.ts";
import { encodeEvent } from "./framing.ts";
import { wyomingInfo } from "./info.ts";
import { parseShape } from "./shape.ts";
import type { AudioShape } from "./shape.ts";

/** What the connection tells its session, in order with the audio: the session keeps frames of text. */
export type Control =
  | { readonly type: "describe" | "stop" | "end" }
  | { readonly type: "ping"; readonly text?: string }
  | {
      readonly type: "transcribe";
      readonly language?: string;
      readonly sensitivity?: string;
      readonly hotWords: readonly HotWord[];
    }
  | { readonly type: "start"; readonly shape: AudioShape }
  /** What came cannot be read. */
  | { readonly type: "broken"; readonly code: "bad_request" | "invalid_audio"; readonly message: string };

/** What the connection knows about the audio before the session reads it. */
export interface Arrivals {
  /** The client sends as fast as it can, not as it is spoken: a recording. */
  readonly isRecording: boolean;
  /** audio-stop has come. */
  readonly isComplete: boolean;
}

/** `idle` between commands, `listening` in one, `answered` when its transcript was sent before its audio-stop. */
type State = "idle" | "listening" | "answered" | "over";

/**
 * Wyoming: `transcribe`, `audio-start`, audio, `audio-stop`, and `transcript` back; a connection may do this again and again. The transcript
 * comes before `audio-stop` when the speaker has fallen silent. An error ends the connection.
 */
export function createWyomingDialect(context: RuntimeContext, client: ClientAddress, arrivals: Arrivals): Dialect {
  const { settings } = context;
  let tools: ReaderTools | undefined;
  let state: State = "idle";
  let shape: AudioShape | undefined;
  let options: SessionOptions | undefined;
  let sensitivity: string | undefined;
  let hotWords: readonly HotWord[] = [];
  let languages: readonly string[] | undefined;
  let texts: string[] = [];
  let audioS = 0;

  const heard = ({ hypothesis, isLast }: Heard): readonly Message[] => {
    if (state !== "listening" || hypothesis.type === "partial") return [];
    const text = hypothesis.committed + hypothesis.tentative;
    const chunk =
      text === "" ? [] : [encodeEvent("transcript-chunk", { text: texts.length === 0 ? text : ` ${text}` })];
    const isFirst = texts.length === 0;
    if (text !== "") texts.push(text);
    const language = languageOf(texts.join(" "), languages ?? modelLanguages(context.engine));
    const start = isFirst ? [encodeEvent("transcript-start", { language })] : [];
    const isEarly = !isLast && hypothesis.speechFinal && text !== "" && mayAnswerEarly();
    if (!isLast && !isEarly) return text === "" ? [] : [...start, ...chunk];
    state = isEarly ? "answered" : "idle";
    if (isEarly) void tools?.endUtterance();
    const transcript = encodeEvent("transcript", { text: texts.join(" "), language });
    return [...start, ...chunk, transcript, encodeEvent("transcript-stop")];
  };

  const mayAnswerEarly = (): boolean =>
    settings.current.wyoming.endpoint !== "manual" && !arrivals.isRecording && !arrivals.isComplete;

  const failed = (error: WireError): readonly Message[] => {
    state = "over";
    // Older clients ignore the error and wait for the end of the connection.
    queueMicrotask(() => tools?.stop());
    return [encodeEvent("error", { text: error.message, code: error.wireCode })];
  };

  const begin = (given: AudioShape): void => {
    if (state === "over") return;
    try {
      requireToken(client, context);
    } catch (error) {
      return tools?.fail(toWireError(error));
    }
    const { stream, wyoming } = settings.current;
    const minSilenceMs = SILENCE_MS[sensitivity ?? ""] ?? stream.minSilenceMs;
    const { sampleRateHz, codec, channelCount } = given;
    shape = given;
    options = {
      sampleRateHz,
      codec,
      channelCount,
      endpoint: wyoming.endpoint,
      minSilenceMs,
      commitPolicy: "on_finalize",
      hotWords,
    };
    texts = [];
    state = "listening";
  };

  const control = (message: Control, given: ReaderTools): void => {
    switch (message.type) {
      case "describe":
        return given.send(encodeEvent("info", wyomingInfo(context)));
      case "ping":
        return given.send(encodeEvent("pong", message.text === undefined ? {} : { text: message.text }));
      case "transcribe":
        if (state === "answered") state = "idle";
        ({ sensitivity, hotWords } = message);
        try {
          languages = requireLanguages([message.language ?? ""], modelLanguages(context.engine));
        } catch (error) {
          given.fail(toWireError(error));
        }
        return;
      case "start":
        if (state !== "listening") begin(message.shape);
        return;
      case "stop":
        if (state === "idle") begin(parseShape({}));
        if (state === "listening") return void given.endUtterance();
        if (state === "answered") state = "idle";
        return;
      case "end":
        return given.stop();
      case "broken":
        return given.fail(new WireError(message.code, message.message));
    }
  };

  const readAudio = (frame: Frame): void => {
    if (!("audio" in frame) || state !== "listening") return;
    if (options === undefined || shape === undefined) return;
    audioS += frame.audio.length / shape.frameBytes / shape.sampleRateHz;
    tools?.write(frame.audio, options);
  };

  const createReader = (given: ReaderTools): FrameReader => {
    tools = given;
    return {
      read: (frame) => {
        // Written by the connection alone.
        if ("text" in frame) control(JSON.parse(frame.text) as Control, given);
        else readAudio(frame);
      },
      readLate: readAudio,
      get audioS() {
        return audioS;
      },
    };
  };

  return { greet: () => [], heard, failed, createReader };
}

// ---

/** As Home Assistant's own detector has them. */
const SILENCE_MS: Readonly<Record<string, number>> = { relaxed: 1250, aggressive: 250 };
