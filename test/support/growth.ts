/** Shortest of a few runs, ms: what the machine does besides only adds. */
function shortestMs(run: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const begin = performance.now();
    run();
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

/** How much more one item costs among ten times as many: about 1 when the work is linear, 10 when it is quadratic. */
export function growth<T>(
  make: (items: number) => T,
  run: (input: T) => unknown,
): { readonly factor: number; readonly items: number; readonly ms: number } {
  const large = make(LARGE);
  const begin = performance.now();
  run(large);
  const first = performance.now() - begin;
  // Work that is quadratic takes longer than this; what is faster could only be measured as noise.
  if (first < WORTH_MEASURING_MS) return { factor: 1, items: LARGE, ms: first };
  const small = make(LARGE / 10);
  run(small);
  const ms = shortestMs(() => run(large));
  return {
    factor:
      ms /
      (10 *
        Math.max(
          shortestMs(() => run(small)),
          WORTH_MEASURING_MS / 20,
        )),
    items: LARGE,
    ms,
  };
}

const LARGE = 4000;
const WORTH_MEASURING_MS = 150;
