/**
 * How many random cases a suite runs: the full count, or fewer where `TEST_FUZZ_CASES` asks for less (the second Node's run in CI).
 *
 * @param full what the suite promises
 * @param locally what is enough on a developer's machine; CI runs the full count
 */
export function fuzzCases(full: number, locally: number = full): number {
  const asked = process.env["TEST_FUZZ_CASES"];
  if (asked !== undefined) return Math.min(full, Number(asked));
  return process.env["CI"] === undefined ? locally : full;
}

/** The second Node's run in CI: what differs between Nodes shows in the first cases, long suites need not be long there. */
export const isShortRun: boolean = process.env["TEST_FUZZ_CASES"] !== undefined;
