import { WireError } from "../../shared/errors.ts";

/** The shape of audio as `audio-start` and `audio-chunk` announce it. */
export interface AudioShape {
  readonly sampleRateHz: number;
  readonly codec: "u8" | "s16le" | "s24le" | "s32le";
  readonly channelCount: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
}

/** Returns the shape; throws a WireError when it cannot be read. Absent fields have the usual values. */
export function parseShape({ rate, width, channels }: Readonly<Record<string, unknown>>): AudioShape {
  const sampleRateHz = numberOf(rate, 16_000);
  const bytes = numberOf(width, 2);
  const channelCount = numberOf(channels, 1);
  // As in WAV: 8-bit samples are unsigned, all others signed.
  const codec = CODECS.get(bytes);
  if (!(sampleRateHz >= 4000 && sampleRateHz <= 192_000)) throw invalid("rate must be from 4000 to 192000");
  if (codec === undefined) throw invalid("width must be 1, 2, 3 or 4 bytes");
  if (!(channelCount >= 1 && channelCount <= MAX_CHANNELS)) throw invalid(`channels must be from 1 to ${MAX_CHANNELS}`);
  return { sampleRateHz, codec, channelCount, frameBytes: bytes * channelCount };
}

export function isSameShape(one: AudioShape, other: AudioShape): boolean {
  return (
    one.sampleRateHz === other.sampleRateHz && one.codec === other.codec && one.channelCount === other.channelCount
  );
}

// ---

const MAX_CHANNELS = 32;
const CODECS: ReadonlyMap<number, AudioShape["codec"]> = new Map([
  [1, "u8"],
  [2, "s16le"],
  [3, "s24le"],
  [4, "s32le"],
]);

/** Some clients write whole numbers as 16000.0, which JSON does not tell apart. NaN: not a number. */
function numberOf(value: unknown, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  return typeof value === "number" ? Math.round(value) : Number.NaN;
}

function invalid(rule: string): WireError {
  return new WireError("invalid_audio", `the audio cannot be read: ${rule}`);
}
