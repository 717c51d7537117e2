import { GigasttError } from "../../../shared/errors.ts";
import { createHalver } from "./halve.ts";
import type { Halver } from "./halve.ts";
import type { FilterBank } from "./kernel.ts";
import { filterBankFor } from "./kernel.ts";

/** A streaming sample-rate converter. The result does not depend on how the input is cut, bit for bit. */
export interface Resampler {
  /** Samples that can be computed now; the caller owns them. The input is not kept. */
  push(input: Float32Array): Float32Array;
  /** The rest, so that n input samples gave round(n · to / from) in all. The resampler then starts again. */
  flush(): Float32Array;
}

/**
 * Linear-phase polyphase resampler (Kaiser-windowed sinc). Flat within 0.1 dB to 0.9 of the lower Nyquist frequency
 * and at least 90 dB down from that Nyquist frequency on. Output sample m is the input at time m / toHz: the filter's
 * delay is taken out.
 *
 * @param fromHz 4000..192000, whole
 * @param toHz 4000..192000, whole
 */
export function createResampler(fromHz: number, toHz: number): Resampler {
  for (const rate of [fromHz, toHz]) {
    if (!Number.isInteger(rate) || rate < 4000 || rate > 192_000) {
      throw new GigasttError("GST_RESAMPLE_RATE", `a sample rate must be a whole number 4000–192000, got ${rate}`);
    }
  }
  if (fromHz === toHz) return { push: (input) => input.slice(), flush: () => new Float32Array(0) };

  // The sharp filter is the dear one: high rates are halved first with a cheap one that keeps all it needs.
  const halvers: Halver[] = [];
  let rate = fromHz;
  for (; rate % 2 === 0 && rate / 2 >= 1.25 * toHz; rate /= 2) halvers.push(createHalver(rate, toHz / 2));
  const last = createPolyphase(filterBankFor(rate, toHz));
  let inputCount = 0;

  return {
    push(input) {
      inputCount += input.length;
      let samples = input;
      for (const halver of halvers) samples = halver.push(samples);
      return last.push(samples);
    },
    flush() {
      const parts: Float32Array[] = [];
      for (let i = 0; i < halvers.length; i++) {
        // Each stage's rest goes through the stages behind it before those are flushed in turn.
        let samples = halvers[i]!.flush();
        for (const halver of halvers.slice(i + 1)) samples = halver.push(samples);
        parts.push(last.push(samples));
      }
      const madeNow = parts.reduce((sum, part) => sum + part.length, 0);
      const total = Math.round((inputCount * toHz) / fromHz);
      inputCount = 0;
      const output = last.finish(total);
      if (madeNow === 0) return output;
      const joined = new Float32Array(madeNow + output.length);
      let at = 0;
      for (const part of [...parts, output]) {
        joined.set(part, at);
        at += part.length;
      }
      return joined;
    },
  };
}

// ---

interface Polyphase {
  push(input: Float32Array): Float32Array;
  /** The rest, so that there are `total` samples in all, and starts again. */
  finish(total: number): Float32Array;
}

/** Input is taken in slices of this many samples, so that the history buffer stays small. */
const SLICE = 4096;

function createPolyphase(bank: FilterBank): Polyphase {
  const { taps, up, down } = bank;
  const half = taps / 2;
  const stepWhole = Math.floor(down / up);
  const stepPart = down % up;
  const history = new Float64Array(taps + SLICE);

  /** Samples in `history`; it starts with the silence before the stream that the first output's filter reaches into. */
  let held = half - 1;
  /** First tap of the next output, as an index into `history`. */
  let at = 0;
  /** Position of the next output between two input samples, in units of 1 / up. */
  let part = 0;
  let outputCount = 0;

  function restart(): void {
    history.fill(0);
    held = half - 1;
    at = part = outputCount = 0;
  }

  /** Outputs whose filter lies within the samples held, once `more` are added. */
  function countReady(more: number): number {
    const free = held + more - taps - at;
    // at + floor((part + k * down) / up) <= held + more - taps for k = 0..n-1
    return free < 0 ? 0 : Math.floor(((free + 1) * up - part - 1) / down) + 1;
  }

  function produce(output: Float32Array, from: number, count: number): void {
    const { table, scale } = bank;
    let whole = at;
    let phase = part;
    for (let k = from; k < from + count; k++) {
      output[k] =
        scale === 1
          ? dot(history, whole, table, phase * taps, taps)
          : dotBetween(history, whole, table, phase * scale, taps);
      whole += stepWhole;
      phase += stepPart;
      if (phase >= up) {
        phase -= up;
        whole++;
      }
    }
    at = whole;
    part = phase;
    outputCount += count;
  }

  /** Drops what no later output needs. */
  function compact(): void {
    const drop = Math.min(at, held);
    history.copyWithin(0, drop, held);
    held -= drop;
    at -= drop;
  }

  /** Takes `input`, or that many samples of silence, and returns at most `cap` outputs. */
  function run(input: Float32Array | undefined, length: number, cap: number): Float32Array {
    const output = new Float32Array(Math.min(cap, countReady(length)));
    let made = 0;
    for (let from = 0; from < length;) {
      const count = Math.min(history.length - held, length - from);
      if (input) for (let i = 0; i < count; i++) history[held + i] = input[from + i]!;
      else history.fill(0, held, held + count);
      held += count;
      from += count;
      const ready = Math.min(countReady(0), output.length - made);
      produce(output, made, ready);
      made += ready;
      compact();
    }
    return output;
  }

  return {
    push: (input) => run(input, input.length, Number.POSITIVE_INFINITY),
    finish(total) {
      // Half a filter of silence: the filter of the last output reaches no further.
      const output = run(undefined, half + Math.ceil(down / up) + 1, Math.max(0, total - outputCount));
      restart();
      return output;
    },
  };
}

/** Sum of taps products, in one fixed order: four running sums let the processor overlap the additions. */
function dot(x: Float64Array, xAt: number, h: Float64Array, hAt: number, taps: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < taps; i += 4) {
    a += x[xAt + i]! * h[hAt + i]!;
    b += x[xAt + i + 1]! * h[hAt + i + 1]!;
    c += x[xAt + i + 2]! * h[hAt + i + 2]!;
    d += x[xAt + i + 3]! * h[hAt + i + 3]!;
  }
  return a + b + (c + d);
}

/** The filter between two rows of the bank, interpolated linearly. */
function dotBetween(x: Float64Array, xAt: number, h: Float64Array, row: number, taps: number): number {
  const lower = Math.floor(row);
  const weight = row - lower;
  const low = dot(x, xAt, h, lower * taps, taps);
  const high = dot(x, xAt, h, (lower + 1) * taps, taps);
  return low + weight * (high - low);
}
