import type { WorkKind } from "./service-times.ts";

/** Work that holds a slot. */
export interface Holding {
  readonly client: string;
  readonly kind: WorkKind;
  /** When it got the slot, monotonic milliseconds. */
  readonly sinceMs: number;
}

/** A file that has run this long lends its slot to a waiting client that has none, and goes on in its turn. */
export const FILE_TURN_MS = 10_000;

/** How many slots each client holds. */
export function countByClient(holdings: Iterable<Holding>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { client } of holdings) counts.set(client, (counts.get(client) ?? 0) + 1);
  return counts;
}

/**
 * Which work must lend its slot to waiting work of this client; undefined when it has to wait. A client that holds at least two slots more
 * than the waiting one is above its share: of its work a file lends first (it only stops for a while), else the newest session.
 */
export function chooseLender<T extends Holding>(holdings: Iterable<T>, client: string, nowMs: number): T | undefined {
  const all = [...holdings];
  const counts = countByClient(all);
  const mine = counts.get(client) ?? 0;
  const most = Math.max(0, ...counts.values());
  if (most >= mine + 2) {
    const above = all.filter((holding) => counts.get(holding.client) === most);
    return longest(above.filter(isFile)) ?? newest(above);
  }
  if (mine > 0) return undefined;
  const longRunning = longest(all.filter(isFile));
  return longRunning !== undefined && nowMs - longRunning.sinceMs >= FILE_TURN_MS ? longRunning : undefined;
}

// ---

function isFile({ kind }: Holding): boolean {
  return kind === "file";
}

function longest<T extends Holding>(holdings: readonly T[]): T | undefined {
  return holdings.reduce<T | undefined>(
    (best, next) => (best === undefined || next.sinceMs < best.sinceMs ? next : best),
    undefined,
  );
}

function newest<T extends Holding>(holdings: readonly T[]): T | undefined {
  return holdings.reduce<T | undefined>(
    (best, next) => (best === undefined || next.sinceMs >= best.sinceMs ? next : best),
    undefined,
  );
}
