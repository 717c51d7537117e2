/** Filters of all fractional positions, one row of `taps` after the other. Shared between resamplers: never written. */
export interface FilterBank {
  /** A multiple of 4. */
  readonly taps: number;
  /** to / from = up / down in lowest terms. */
  readonly up: number;
  readonly down: number;
  /** Rows per 1 / up of an input sample: 1 = one exact row per position, less = rows are interpolated. */
  readonly scale: number;
  readonly table: Float64Array;
}

/**
 * The bank for a pair of rates. At most `MAX_EXACT_ROWS` exact rows; an awkward ratio (44101 → 16000 has 16000
 * positions) gets `INTERPOLATED_ROWS` rows per input sample at full bandwidth and linear interpolation between them.
 */
export function filterBankFor(fromHz: number, toHz: number): FilterBank {
  const key = `${fromHz}:${toHz}`;
  const known = cache.get(key);
  if (known) {
    cache.delete(key);
    cache.set(key, known);
    return known;
  }
  const bank = makeBank(fromHz, toHz);
  cache.set(key, bank);
  for (const oldest of cache.keys()) {
    if (cache.size <= MAX_CACHED_BANKS) break;
    cache.delete(oldest);
  }
  return bank;
}

/**
 * Kaiser's window for a transition band of this width, as a part of the Nyquist frequency: the number of taps it takes
 * and the window over [-1, 1].
 */
export function kaiserWindow(transition: number): { taps: number; window: (x: number) => number } {
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const peak = besselI0(beta);
  return {
    taps: (ATTENUATION_DB - 7.95) / (2.285 * Math.PI * transition) + 1,
    window: (x) => (Math.abs(x) >= 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x)) / peak),
  };
}

// ---

/** A bank is at most about 1.1 MiB; a server meets a handful of rates. */
const MAX_CACHED_BANKS = 8;
const cache = new Map<string, FilterBank>();

const MAX_EXACT_ROWS = 640;
/** Linear interpolation between 1024 rows per sample of the lower rate leaves images near -118 dB. */
const INTERPOLATED_ROWS = 1024;

/** Flat to this part of the lower Nyquist frequency, in the stop band from the Nyquist frequency itself on. */
const PASS_BAND = 0.9;
/** Design attenuation in dB: 90 are promised, the rest covers rounding of the filter length and of float32 output. */
const ATTENUATION_DB = 102;

function makeBank(fromHz: number, toHz: number): FilterBank {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  /** Bandwidth relative to the input's. */
  const bandwidth = Math.min(1, toHz / fromHz);
  const cutoff = (bandwidth * (1 + PASS_BAND)) / 2;
  const transition = bandwidth * (1 - PASS_BAND);
  const { taps: length, window } = kaiserWindow(transition);
  const taps = Math.ceil(length / 8) * 8;

  const isExact = up <= MAX_EXACT_ROWS;
  const rows = isExact ? up : Math.ceil(INTERPOLATED_ROWS * bandwidth);
  const table = new Float64Array((isExact ? rows : rows + 1) * taps);
  const center = taps / 2 - 1;
  for (let row = 0; row * taps < table.length; row++) {
    for (let tap = 0; tap < taps; tap++) {
      const x = tap - center - row / rows;
      table[row * taps + tap] = cutoff * sinc(cutoff * x) * window(x / (taps / 2));
    }
  }
  return { taps, up, down, scale: isExact ? 1 : rows / up, table };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
