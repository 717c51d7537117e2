/** One sound of a text, in the order in which they are said. */
export interface SoundState {
  /** Index of the sound. */
  readonly sound: number;
  /** It need not be heard: a pause between words. */
  readonly isOptional: boolean;
  /** First and last step in which it may be heard; neither may be lower than that of the state before. */
  readonly first: number;
  readonly last: number;
  /** Step at which it is expected to begin; undefined = at any. */
  readonly expected: number | undefined;
}

/**
 * The step in which each state begins on the best path through all steps; a state that was left out begins where the next one does. At the
 * end: the number of steps. Undefined when the states do not fit.
 *
 * @param score how well a sound fits a step, natural log
 * @param early what it costs to begin so many steps from the expected one, natural log
 */
export function bestPath(
  states: readonly SoundState[],
  steps: number,
  score: (sound: number, step: number) => number,
  early: (distance: number) => number,
): Int32Array | undefined {
  const count = states.length;
  let before = new Float64Array(count).fill(-Infinity);
  let now = new Float64Array(count).fill(-Infinity);
  const lows = new Int32Array(steps);
  const moves: Uint8Array[] = [];
  let low = 0;
  let high = 0;
  for (let step = 0; step < steps; step++) {
    while (low < count && states[low]!.last < step) low++;
    now.fill(-Infinity, 0, low);
    while (high < count && states[high]!.first <= step) high++;
    const move = new Uint8Array(Math.max(0, high - low));
    for (let at = low; at < high; at++) {
      const { sound, expected } = states[at]!;
      let best = -Infinity;
      if (step === 0) best = at === 0 || (at === 1 && states[0]!.isOptional) ? 0 : -Infinity;
      else {
        best = before[at]!;
        const entered = Math.max(
          before[at - 1] ?? -Infinity,
          states[at - 1]?.isOptional ? (before[at - 2] ?? -Infinity) : -Infinity,
        );
        const cost = expected === undefined ? 0 : early(Math.abs(step - expected));
        if (entered - cost > best) {
          best = entered - cost;
          move[at - low] = entered === before[at - 1] ? 1 : 2;
        }
      }
      now[at] = best === -Infinity ? best : best + score(sound, step);
    }
    lows[step] = low;
    moves.push(move);
    [before, now] = [now, before];
  }
  let at = count - 1;
  if (states[at]?.isOptional && (before[at - 1] ?? -Infinity) > before[at]!) at--;
  if (steps === 0 || at < 0 || before[at] === -Infinity) return undefined;
  const begins = new Int32Array(count + 1).fill(steps);
  for (let step = steps - 1; step >= 0; step--) {
    begins[at] = step;
    const move = moves[step]![at - lows[step]!]!;
    if (move === 2) begins[at - 1] = step;
    at -= move;
  }
  if (at === 1) begins[0] = 0;
  return begins;
}
