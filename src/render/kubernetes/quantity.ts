/** Formats a quantity as the API server keeps it: the largest unit without a fraction. Another one would be a change at every comparison. */
export function quantity(bytes: number): string {
  for (const [unit, size] of QUANTITY_UNITS) if (bytes % size === 0) return `${bytes / size}${unit}`;
  return String(bytes);
}

/** Returns the quantity of so many MiB. */
export function mebibytes(count: number): string {
  return quantity(count * 2 ** 20);
}

// ---

const QUANTITY_UNITS = [
  ["Ti", 2 ** 40],
  ["Gi", 2 ** 30],
  ["Mi", 2 ** 20],
  ["Ki", 2 ** 10],
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;
