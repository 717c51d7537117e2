import { DIMENSIONS } from "./observe.ts";
import { SOUND_TABLE } from "./sound-table.ts";

/** What a sound looks like: a normal distribution over `observe`'s numbers. */
export interface Sound {
  /** Natural log of the density at its mean. */
  readonly constant: number;
  readonly mean: Float64Array;
  /** Half of one over the variance. */
  readonly precision: Float64Array;
}

const names: string[] = [];

/** By index. */
export const SOUNDS: readonly Sound[] = SOUND_TABLE.trim()
  .split("\n")
  .map((line) => {
    const [name = "", ...numbers] = line.trim().split(" ");
    names.push(name);
    const mean = Float64Array.from(numbers.slice(0, DIMENSIONS), (tenths) => Number(tenths) / 10);
    const deviation = Float64Array.from(numbers.slice(DIMENSIONS), (tenths) => Number(tenths) / 10);
    return {
      constant: deviation.reduce((sum, value) => sum - Math.log(value * Math.sqrt(2 * Math.PI)), 0),
      mean,
      precision: deviation.map((value) => 0.5 / value ** 2),
    };
  });

const indexOf = new Map(names.map((name, index) => [name, index]));

/** No sound: between words. */
export const PAUSE: number = indexOf.get("_")!; // the table has it
/** Some sound of speech. */
export const ANY_SOUND: number = indexOf.get("*")!; // the table has it

/** The sound of a Russian lower-case letter; undefined for signs without one and for all other characters. */
export function soundOf(letter: string): number | undefined {
  return letter === "_" || letter === "*" ? undefined : indexOf.get(letter);
}

/** What of a piece sounds: letters, and something unknown for a digit, a foreign letter or a sign. */
export function soundsOf(piece: string): number[] {
  const sounds: number[] = [];
  for (const letter of piece.toLowerCase()) {
    const sound = soundOf(letter);
    if (sound !== undefined) sounds.push(sound);
    else if (/\p{N}|%/u.test(letter)) sounds.push(ANY_SOUND, ANY_SOUND, ANY_SOUND);
    else if (/\p{L}/u.test(letter) && !/[ьъ]/.test(letter)) sounds.push(ANY_SOUND);
  }
  return sounds;
}

/** How well a sound fits a step of what was observed, natural log. */
export function fit(sound: number, observed: Float64Array, step: number): number {
  const { constant, mean, precision } = SOUNDS[sound]!;
  let sum = constant;
  const from = step * DIMENSIONS;
  for (let k = 0; k < DIMENSIONS; k++) {
    const distance = observed[from + k]! - mean[k]!;
    sum -= distance * distance * precision[k]!;
  }
  return sum;
}
