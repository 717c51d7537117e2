/**
 * The memory all uploads share. Slots are only given to complete bodies, so bodies wait in memory, and slow clients must not be able to fill it:
 * the total is bounded, and so is what one client gets; when it is short, an upload that has been slow for a while gives way to one that is
 * much faster; and the oldest upload may always go on (up to one body more), so that uploads never wait for each other for ever.
 */
export interface UploadMemory {
  /** A share for one upload. */
  open(client: string, upload: Holder): UploadShare;
  /** Bytes held by all uploads. */
  readonly heldBytes: number;
}

/** The upload behind a share. */
export interface Holder {
  /** Average so far. */
  readonly bytesPerS: number;
  /** It had its time to show how fast it is. */
  readonly mayGiveWay: boolean;
  /** Ends the upload; its share is closed before this returns. */
  giveWay(): void;
}

export interface UploadShare {
  /** True when the bytes were granted. */
  tryReserve(bytes: number): boolean;
  /** Resolves when a reservation of this size may succeed, or with the signal's abort. */
  whenFree(signal: AbortSignal): Promise<void>;
  /** The body is complete: it no longer competes by its speed. */
  settle(): void;
  /** Gives back part of it, as blocks are consumed. */
  give(bytes: number): void;
  /** Gives everything back. */
  close(): void;
}

export interface UploadMemoryLimits {
  readonly totalBytes: number;
  readonly clientBytes: number;
}

interface Share {
  readonly client: string;
  upload: Holder | undefined;
  bytes: number;
}

/** How much faster an upload must be than one that gives way to it. */
const MUCH_FASTER = 2;

/** @param limits read at each reservation */
export function createUploadMemory(limits: () => UploadMemoryLimits): UploadMemory {
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

  const clientMayHold = (client: string, bytes: number): boolean =>
    (heldByClient.get(client) ?? 0) + bytes <= limits().clientBytes;

  /** The slowest upload that has to give way to one of this speed. */
  const slowerThan = (bytesPerS: number): Holder | undefined => {
    let slowest: Holder | undefined;
    for (const { upload, bytes } of shares) {
      if (upload === undefined || bytes === 0 || !upload.mayGiveWay) continue;
      if (upload.bytesPerS * MUCH_FASTER >= bytesPerS) continue;
      if (slowest === undefined || upload.bytesPerS < slowest.bytesPerS) slowest = upload;
    }
    return slowest;
  };

  const makeRoom = (bytes: number, upload: Holder): boolean => {
    while (held + bytes > limits().totalBytes) {
      const slower = slowerThan(upload.bytesPerS);
      if (slower === undefined) return false;
      slower.giveWay();
    }
    return true;
  };

  return {
    get heldBytes() {
      return held;
    },
    open: (client, upload) => {
      const share: Share = { client, upload, bytes: 0 };
      shares.add(share);
      return {
        tryReserve: (bytes) => {
          if (!shares.has(share)) return false;
          const isOldest = shares.values().next().value === share;
          if (!isOldest && (!clientMayHold(client, bytes) || !makeRoom(bytes, upload))) return false;
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
        settle: () => {
          share.upload = undefined;
        },
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
