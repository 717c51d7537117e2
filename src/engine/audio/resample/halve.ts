import { kaiserWindow } from "./kernel.ts";

/** Halves a sample rate. Output sample k is the input at time 2k: the filter's delay is taken out. */
export interface Halver {
  /** Samples that can be computed now: a view that is valid until the next call. */
  push(input: Float32Array): Float32Array;
  /** The rest, so that n samples gave ceil(n / 2) in all. The halver then starts again. */
  flush(): Float32Array;
}

/**
 * A half-band filter: nothing is lost or folded below `keepHz`, at 102 dB by design. Every second tap of such a filter
 * is zero, which makes it far cheaper than a long filter at the full rate.
 *
 * @param fromHz rate of the input
 * @param keepHz must stay well below fromHz / 4
 */
export function createHalver(fromHz: number, keepHz: number): Halver {
  const side = sideTaps(fromHz, keepHz);
  const pairs = side.length;
  /** Samples the filter reaches to either side. */
  const reach = 2 * pairs - 1;
  const history = new Float64Array(2 * reach + SLICE);
  const silence = new Float32Array(reach);
  let held = reach;
  /** Leftmost sample of the next output's filter. */
  let at = 0;
  let output = new Float32Array(SLICE);

  function take(input: Float32Array): Float32Array {
    if (output.length < (input.length >> 1) + 1) output = new Float32Array(input.length);
    let made = 0;
    for (let from = 0; from < input.length;) {
      const count = Math.min(history.length - held, input.length - from);
      for (let i = 0; i < count; i++) history[held + i] = input[from + i]!;
      held += count;
      from += count;
      for (; at + 2 * reach < held; at += 2) {
        const center = at + reach;
        let sum = 0.5 * history[center]!;
        for (let pair = 0; pair < pairs; pair++) {
          const distance = 2 * pair + 1;
          sum += side[pair]! * (history[center - distance]! + history[center + distance]!);
        }
        output[made++] = sum;
      }
      const drop = Math.min(at, held);
      history.copyWithin(0, drop, held);
      held -= drop;
      at -= drop;
    }
    return output.subarray(0, made);
  }

  return {
    push: take,
    flush() {
      const rest = take(silence);
      history.fill(0);
      held = reach;
      at = 0;
      return rest;
    },
  };
}

// ---

const SLICE = 4096;

/** The taps at odd distances from the middle one, which is 1/2; their sum is 1/4, so that the gain at 0 Hz is 1. */
function sideTaps(fromHz: number, keepHz: number): Float64Array {
  const transition = (fromHz / 2 - 2 * keepHz) / (fromHz / 2);
  const { taps, window } = kaiserWindow(transition);
  // Two pairs more than the estimate, which is too low for filters this short.
  const pairs = Math.ceil((taps + 1) / 4) + 2;
  const side = Float64Array.from({ length: pairs }, (_, pair) => {
    const distance = 2 * pair + 1;
    const sign = pair % 2 === 0 ? 1 : -1;
    return (sign / (Math.PI * distance)) * window(distance / (2 * pairs));
  });
  const sum = side.reduce((total, tap) => total + tap, 0);
  return side.map((tap) => (tap * 0.25) / sum);
}
