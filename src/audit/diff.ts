/** A unified diff of two texts by lines; empty when they are equal. Meant for configuration files, not for megabytes. */
export function unifiedDiff(path: string, before: string, after: string, context = 3): string {
  if (before === after) return "";
  const a = before.split("\n");
  const b = after.split("\n");
  const steps = diffLines(a, b);
  const hunks: string[] = [];
  let i = 0;
  while (i < steps.length) {
    if (steps[i]?.kind === " ") {
      i += 1;
      continue;
    }
    const from = Math.max(0, i - context);
    let to = i;
    // Changes closer than two contexts share a hunk.
    for (let j = i; j < steps.length && j <= to + 2 * context; j += 1) if (steps[j]?.kind !== " ") to = j;
    const end = Math.min(steps.length, to + context + 1);
    const slice = steps.slice(from, end);
    const first = slice[0];
    const removed = slice.filter((step) => step.kind !== "+").length;
    const added = slice.filter((step) => step.kind !== "-").length;
    hunks.push(
      `@@ -${(first?.a ?? 0) + 1},${removed} +${(first?.b ?? 0) + 1},${added} @@`,
      ...slice.map((step) => `${step.kind}${step.text}`),
    );
    i = end;
  }
  return `--- a/${path}\n+++ b/${path}\n${hunks.join("\n")}\n`;
}

interface Step {
  readonly kind: " " | "-" | "+";
  readonly text: string;
  readonly a: number;
  readonly b: number;
}

const MAX_PAIRS = 2 ** 20;

/** Longest common subsequence after the common head and tail are cut off. */
function diffLines(a: readonly string[], b: readonly string[]): Step[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
    tail += 1;
  const left = a.slice(head, a.length - tail);
  const right = b.slice(head, b.length - tail);
  // Beyond that all of it counts as replaced: a table of every pair of lines would fill the memory.
  const isComparable = left.length * right.length <= MAX_PAIRS;
  const width = right.length + 1;
  const table = new Uint32Array(isComparable ? (left.length + 1) * width : 0);
  for (let i = isComparable ? left.length - 1 : -1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      table[i * width + j] =
        left[i] === right[j]
          ? (table[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(table[(i + 1) * width + j] ?? 0, table[i * width + j + 1] ?? 0);
    }
  }
  const steps: Step[] = a.slice(0, head).map((text, i) => ({ kind: " ", text, a: i, b: i }));
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const at = { a: head + i, b: head + j };
    if (i < left.length && j < right.length && left[i] === right[j]) {
      steps.push({ kind: " ", text: left[i] ?? "", ...at });
      i += 1;
      j += 1;
    } else if (
      i < left.length &&
      (j >= right.length || (table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0))
    ) {
      steps.push({ kind: "-", text: left[i] ?? "", ...at });
      i += 1;
    } else {
      steps.push({ kind: "+", text: right[j] ?? "", ...at });
      j += 1;
    }
  }
  for (let k = 0; k < tail; k += 1)
    steps.push({ kind: " ", text: a[a.length - tail + k] ?? "", a: a.length - tail + k, b: b.length - tail + k });
  return steps;
}
