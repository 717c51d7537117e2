import { WireError } from "../../shared/errors.ts";
import { formatDuration } from "../../shared/units.ts";

/** Lowest and highest sample rate taken, in Hz. */
export const MIN_SAMPLE_RATE_HZ = 4000;
export const MAX_SAMPLE_RATE_HZ = 192_000;
/** Most channels taken. */
export const MAX_CHANNELS = 64;

/** The container cannot be decoded, is truncated or has no samples. */
export function invalidAudio(message: string, cause?: unknown): WireError {
  return new WireError("invalid_audio", message, { cause });
}

/** The body is recognisably something else than audio we take. */
export function unsupportedMedia(what: string): WireError {
  return new WireError(
    "unsupported_media",
    `the body is ${what}: send WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio`,
  );
}

export function emptyBody(): WireError {
  return new WireError("empty_body", "the body is empty: send the audio bytes as the request body");
}

export function audioTooLong(maxDurationMs: number): WireError {
  return new WireError(
    "audio_too_long",
    `the audio is longer than ${formatDuration(maxDurationMs)}: cut it into shorter files`,
  );
}

/** Throws unless rate and channel count are ones we can work with. */
export function checkShape(container: string, sampleRateHz: number, channelCount: number): void {
  if (!(sampleRateHz >= MIN_SAMPLE_RATE_HZ && sampleRateHz <= MAX_SAMPLE_RATE_HZ)) {
    throw invalidAudio(
      `${container}: the sample rate must be ${MIN_SAMPLE_RATE_HZ}–${MAX_SAMPLE_RATE_HZ} Hz, got ${sampleRateHz}`,
    );
  }
  if (!(channelCount >= 1 && channelCount <= MAX_CHANNELS)) {
    throw invalidAudio(`${container}: the channel count must be 1–${MAX_CHANNELS}, got ${channelCount}`);
  }
}
