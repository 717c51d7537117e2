import { AudioError, type AudioCure } from "../../shared/audio-problem.ts";

/** Lowest and highest sample rate taken, in Hz. */
export const MIN_SAMPLE_RATE_HZ = 4000;
export const MAX_SAMPLE_RATE_HZ = 192_000;
/** Most channels taken. */
export const MAX_CHANNELS = 64;

/** Makes the error for input that ends before the end that it promises. */
export function truncated(subject: string, detail: string): AudioError {
  return new AudioError({ reason: "truncated", subject, detail });
}

/** Makes the error for input that contradicts itself or its format. */
export function damaged(subject: string, detail: string, cause?: unknown): AudioError {
  return new AudioError({ reason: "damaged", subject, detail }, cause);
}

/** Makes the error for audio that is sound and cannot be decoded here. */
export function unsupported(subject: string, detail: string, cure: AudioCure = "export"): AudioError {
  return new AudioError({ reason: "unsupported", subject, detail, cure });
}

/** Makes the error for a body that is recognisably not audio we take. */
export function foreign(what: string, cure: AudioCure = "formats"): AudioError {
  return new AudioError({ reason: "foreign", detail: what, cure });
}

/** Throws unless rate and channel count are ones we can work with. */
export function checkShape(container: string, sampleRateHz: number, channelCount: number): void {
  if (!(sampleRateHz >= MIN_SAMPLE_RATE_HZ && sampleRateHz <= MAX_SAMPLE_RATE_HZ)) {
    throw unsupported(
      container,
      `the sample rate must be ${MIN_SAMPLE_RATE_HZ}–${MAX_SAMPLE_RATE_HZ} Hz, got ${sampleRateHz}`,
    );
  }
  if (!(channelCount >= 1 && channelCount <= MAX_CHANNELS)) {
    throw unsupported(container, `the channel count must be 1–${MAX_CHANNELS}, got ${channelCount}`);
  }
}
