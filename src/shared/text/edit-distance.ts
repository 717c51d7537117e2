/**
 * Counts the insertions, deletions and replacements that turn one sequence into the other (Levenshtein); with `swaps`, exchanged neighbours count as
 * one edit (optimal string alignment). Time is the product of the lengths, memory the second's.
 */
export function editDistance(
  a: ArrayLike<unknown>,
  b: ArrayLike<unknown>,
  { swaps = false }: { readonly swaps?: boolean } = {},
): number {
  let beforePrevious = new Int32Array(b.length + 1);
  let previous = Int32Array.from({ length: b.length + 1 }, (_, j) => j);
  let current = new Int32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    current[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1);
      if (swaps && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      }
      current[j] = best;
    }
    [beforePrevious, previous, current] = [previous, current, beforePrevious];
  }
  return previous[b.length]!;
}
