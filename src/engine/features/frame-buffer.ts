import type { LogMel } from "./log-mel.ts";

/**
 * Feature frames of one channel, numbered from the start of the recording. A frame depends only on its own samples (no centring),
 * so windows cut on frame boundaries share frames exactly and no audio has to be kept.
 */
export interface FrameBuffer {
  /** Number of the first frame still held. */
  readonly first: number;
  /** Number after the last frame. */
  readonly end: number;
  /** Samples received so far. */
  readonly samples: number;
  /** Adds samples and computes the frames that became complete. */
  push(samples: Float32Array): void;
  /** Pads the tail with zeros so that every sample lies in a frame; no more `push` after it. */
  finish(): void;
  /** Forgets frames before `frame`. */
  dropBefore(frame: number): void;
  /** Features of frames `from`..`to` (exclusive) as the encoder wants them: [melBins, to - from]. A new array, to be transferred. */
  window(from: number, to: number): Float32Array;
  /** Mean log-mel level of the speech band of a frame still held, natural log. */
  level(frame: number): number;
}

export function createFrameBuffer(logMel: LogMel): FrameBuffer {
  const { melBins, hopSamples, windowSamples } = logMel;
  const lowBin = Math.round(melBins * SPEECH_BAND_LOW);
  const highBin = Math.round(melBins * SPEECH_BAND_HIGH);
  let store = new Float32Array(INITIAL_FRAMES * melBins);
  let first = 0;
  let end = 0;
  let samplesSeen = 0;
  let scratch: Float32Array = new Float32Array(windowSamples + 16_000);
  let carried = 0;

  function reserve(frames: number): void {
    const held = end - first;
    if ((held + frames) * melBins <= store.length) return;
    const grown = new Float32Array(Math.max(store.length * 2, (held + frames) * melBins));
    grown.set(store.subarray(0, held * melBins));
    store = grown;
  }

  function push(samples: Float32Array): void {
    samplesSeen += samples.length;
    const total = carried + samples.length;
    if (total > scratch.length) {
      const grown = new Float32Array(total * 2);
      grown.set(scratch.subarray(0, carried));
      scratch = grown;
    }
    scratch.set(samples, carried);
    const frames = logMel.frameCount(total);
    reserve(frames);
    for (let k = 0; k < frames; k++) {
      logMel.writeFrame(scratch, k * hopSamples, store, (end - first + k) * melBins);
    }
    end += frames;
    const consumed = frames * hopSamples;
    scratch.copyWithin(0, consumed, total);
    carried = total - consumed;
  }

  return {
    get first() {
      return first;
    },
    get end() {
      return end;
    },
    get samples() {
      return samplesSeen;
    },
    push,
    finish() {
      // The front end drops a last incomplete window (no padding); only a recording shorter than one window is padded.
      if (end > 0 || samplesSeen === 0) return;
      const seen = samplesSeen;
      push(new Float32Array(windowSamples - carried));
      samplesSeen = seen;
    },
    dropBefore(frame) {
      const drop = Math.min(Math.max(0, frame - first), end - first);
      // Moving a few seconds of frames is cheap, moving them at every call is not.
      if (drop < DROP_AT_LEAST && drop < end - first) return;
      store.copyWithin(0, drop * melBins, (end - first) * melBins);
      first += drop;
    },
    window(from, to) {
      const frames = to - from;
      const out = new Float32Array(melBins * frames);
      let at = (from - first) * melBins;
      for (let t = 0; t < frames; t++) {
        for (let mel = 0; mel < melBins; mel++) out[mel * frames + t] = store[at++]!;
      }
      return out;
    },
    level(frame) {
      const at = (frame - first) * melBins;
      let sum = 0;
      for (let mel = lowBin; mel < highBin; mel++) sum += store[at + mel]!;
      return sum / (highBin - lowBin);
    },
  };
}

// ---

const INITIAL_FRAMES = 256;
const DROP_AT_LEAST = 200;
/** Of HTK mels up to 8 kHz: about 150 to 4500 Hz. */
const SPEECH_BAND_LOW = 0.06;
const SPEECH_BAND_HIGH = 0.8;
