import type { StreamConfig } from "../../config/types.ts";
import { silenceOf } from "./session-settings.ts";
import type { InputFormat, SessionSettings, TurnDetection } from "./session-settings.ts";

/** The two shapes of the Realtime API: the general one, and the older beta whose sessions are flat. */
export type Shape = "ga" | "beta";

/** Returns a session as clients read it: what is in force, not what was asked for. */
export function sessionObject(
  id: string,
  settings: SessionSettings,
  {
    stream,
    shape,
    languages,
  }: { readonly stream: StreamConfig; readonly shape: Shape; readonly languages: readonly string[] },
): object {
  const turn = effectiveTurn(settings.turnDetection, stream);
  const transcription = {
    model: settings.model,
    // A model of several languages finds out by itself.
    language: languages.length === 1 ? languages[0] : null,
    ...(settings.delay === undefined ? {} : { delay: settings.delay }),
  };
  if (shape === "beta") {
    return {
      id,
      object: "realtime.transcription_session",
      input_audio_format: flatFormat(settings.format),
      input_audio_transcription: transcription,
      input_audio_noise_reduction: null,
      turn_detection: turn,
    };
  }
  return {
    id,
    object: "realtime.transcription_session",
    type: "transcription",
    audio: {
      input: { format: settings.format, transcription, noise_reduction: null, turn_detection: turn },
    },
    include: null,
  };
}

// ---

function effectiveTurn(turn: TurnDetection | null, stream: StreamConfig): TurnDetection | null {
  if (turn?.type !== "server_vad") return turn;
  return { threshold: 0.5, prefix_padding_ms: 300, ...turn, silence_duration_ms: silenceOf(turn, stream) };
}

function flatFormat(format: InputFormat): string {
  if (format.type === "audio/pcm") return "pcm16";
  return format.type === "audio/pcmu" ? "g711_ulaw" : "g711_alaw";
}
