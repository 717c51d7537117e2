/** Processor time of this process that a run takes, ms: other programs on the machine do not count, the collector does. */
function costMs(run: () => unknown): number {
  const begin = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** How much more one item costs among ten times as many: about 1 when the work is linear, 10 when it is quadratic. */
export function growth<T>(
  make: (items: number) => T,
  run: (input: T) => unknown,
): { readonly factor: number; readonly items: number; readonly ms: number } {
  const large = make(LARGE);
  const first = costMs(() => run(large));
  // Work that is quadratic takes longer than this; what is faster could only be measured as noise.
  if (first < WORTH_MEASURING_MS) return { factor: 1, items: LARGE, ms: first };
  const small = make(LARGE / 10);
  let [ofLarge, ofSmall] = [first, costMs(() => run(small))];
  // In turn, and the cheapest of each: what a cold cache or a busy neighbour does only adds.
  for (let round = 0; round < ROUNDS; round++) {
    ofLarge = Math.min(
      ofLarge,
      costMs(() => run(large)),
    );
    ofSmall = Math.min(
      ofSmall,
      costMs(() => run(small)),
    );
  }
  return { factor: ofLarge / (10 * Math.max(ofSmall, WORTH_MEASURING_MS / 20)), items: LARGE, ms: ofLarge };
}

const LARGE = 4000;
const WORTH_MEASURING_MS = 150;
const ROUNDS = 4;
