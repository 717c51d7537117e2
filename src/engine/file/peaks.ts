/** The shape of a recording for a picture of it, made while it is decoded. Its memory does not depend on the length. */
export interface PeakMeter {
  /** The same stretch of every channel. */
  push(channels: readonly Float32Array[]): void;
  /** The loudest sample of each of up to 2048 equal stretches, 0..255; at least 1024 of them for what is longer than two seconds. */
  peaks(): readonly number[];
}

const MOST = 2048;
const FIRST_STRETCH_SAMPLES = 16;

export function createPeakMeter(): PeakMeter {
  const levels = new Float32Array(MOST);
  let count = 0;
  let stretchSamples = FIRST_STRETCH_SAMPLES;
  let inStretch = 0;
  let level = 0;

  /** Two stretches become one: there is room for as much again. */
  function halve(): void {
    for (let index = 0; index < MOST / 2; index++) levels[index] = Math.max(levels[2 * index]!, levels[2 * index + 1]!);
    count = MOST / 2;
    stretchSamples *= 2;
  }

  return {
    push(channels) {
      const length = channels[0]?.length ?? 0;
      for (let index = 0; index < length; index++) {
        for (const samples of channels) {
          const sample = Math.abs(samples[index] ?? 0);
          if (sample > level) level = sample;
        }
        if (++inStretch < stretchSamples) continue;
        levels[count++] = level;
        level = 0;
        inStretch = 0;
        if (count === MOST) halve();
      }
    },
    peaks() {
      const all = inStretch === 0 ? levels.subarray(0, count) : [...levels.subarray(0, count), level];
      return Array.from(all, (value) => Math.min(255, Math.round(value * 255)));
    },
  };
}
