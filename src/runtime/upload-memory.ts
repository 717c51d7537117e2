/**
 * The memory all uploads share. Slots are only given to complete bodies, so bodies wait in memory, and slow clients must not be able to fill it:
 * the total is bounded, one client gets at most half, and the oldest upload may always go on (up to one body more), so uploads that wait for
 * memory can never wait for each other for ever.
 */
export interface UploadMemory {
  /** A share for one upload. */
  open(client: string): UploadShare;
  /** Bytes held by all uploads. */
  readonly heldBytes: number;
}

export interface UploadShare {
  /** True when the bytes were granted. */
  tryReserve(bytes: number): boolean;
  /** Resolves when a reservation of this size may succeed, or with the signal's abort. */
  whenFree(signal: AbortSignal): Promise<void>;
  /** Gives back part of it, as blocks are consumed. */
  give(bytes: number): void;
  /** Gives everything back. */
  close(): void;
}

interface Share {
  readonly client: string;
  bytes: number;
}

/** @param totalBytes bound over all uploads, read at each reservation */
export function createUploadMemory(totalBytes: () => number): UploadMemory {
  // A Set keeps insertion order: its first entry is the oldest upload.
  const shares = new Set<Share>();
  const heldByClient = new Map<string, number>();
  let held = 0;
  let listeners: (() => void)[] = [];

  const change = (share: Share, bytes: number): void => {
    share.bytes += bytes;
    held += bytes;
    const ofClient = (heldByClient.get(share.client) ?? 0) + bytes;
    if (ofClient === 0) heldByClient.delete(share.client);
    else heldByClient.set(share.client, ofClient);
    if (bytes < 0) wake();
  };

  const wake = (): void => {
    const waiting = listeners;
    listeners = [];
    for (const listener of waiting) listener();
  };

  return {
    get heldBytes() {
      return held;
    },
    open: (client) => {
      const share: Share = { client, bytes: 0 };
      shares.add(share);
      return {
        tryReserve: (bytes) => {
          if (!shares.has(share)) return false;
          const isOldest = shares.values().next().value === share;
          const ofClient = heldByClient.get(client) ?? 0;
          const fits = held + bytes <= totalBytes() && ofClient + bytes <= totalBytes() / 2;
          if (!fits && !isOldest) return false;
          change(share, bytes);
          return true;
        },
        whenFree: (signal) =>
          new Promise((resolve) => {
            if (signal.aborted) return resolve();
            const done = (): void => {
              signal.removeEventListener("abort", done);
              resolve();
            };
            listeners.push(done);
            signal.addEventListener("abort", done, { once: true });
          }),
        give: (bytes) => change(share, -Math.min(bytes, share.bytes)),
        close: () => {
          if (!shares.delete(share)) return;
          if (share.bytes > 0) change(share, -share.bytes);
          else wake(); // somebody else may be the oldest now
        },
      };
    },
  };
}
