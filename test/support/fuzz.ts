/**
 * How long random tests run. quick: `npm test`. sample: `npm run test:all` and `.ci/run`, about a quarter of the full count.
 * full: `.ci/long`. Set by TEST_DEPTH.
 */
export const depth: "quick" | "sample" | "full" = depthOf(process.env["TEST_DEPTH"]);

/** Start of every random sequence: the same in each run, unless TEST_SEED asks for other cases. */
export const SEED: number = Number(process.env["TEST_SEED"] ?? 20_261_121);

/** Returns the number of random cases for this run. @param full the count that the suite promises */
export function fuzzCases(full: number, counts: { quick?: number; sample?: number } = {}): number {
  return { quick: Math.ceil(full / 40), sample: Math.ceil(full / 4), ...counts, full }[depth];
}

/** Returns the parameters of a fast-check property: as many runs as `fuzzCases`, from the seed. */
export function fuzzRuns(
  full: number,
  counts?: { quick?: number; sample?: number },
): { numRuns: number; seed: number } {
  return { numRuns: fuzzCases(full, counts), seed: SEED };
}

function depthOf(text = "quick"): "quick" | "sample" | "full" {
  if (text === "quick" || text === "sample" || text === "full") return text;
  throw new Error(`TEST_DEPTH must be quick, sample or full, found ${text}`);
}
