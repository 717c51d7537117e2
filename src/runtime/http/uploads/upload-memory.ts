import { createFairQueue } from "../../admission/fair-queue.ts";
import type { Member } from "../../admission/fair-queue.ts";
import { setTimeout } from "../../../shared/time/timers.ts";

/**
 * The memory all uploads share. Slots are only given to complete bodies, so bodies wait in memory, and slow clients must not be able to fill it:
 * the total is bounded, and so is what one client gets, in bytes and in uploads at once; when memory is short, an upload that has been slow for a
 * while gives way to one that is much faster; and the oldest upload may always go on (up to one body more), so that uploads never wait for each
 * other in a circle.
 */
export interface UploadMemory {
  /** A share for one upload; undefined when its client, or all clients together, have too many. */
  open(client: string, upload: Holder): UploadShare | undefined;
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
  /** Resolves true when the bytes were granted, in turn with other uploads that wait; false when the signal aborted first. */
  reserve(bytes: number, signal: AbortSignal): Promise<boolean>;
  /** The body is complete: it no longer counts as an upload, nor competes by its speed. */
  settle(): void;
  /** Gives back part of it, as blocks are consumed. */
  give(bytes: number): void;
  /** Gives everything back. */
  close(): void;
}

export interface UploadMemoryLimits {
  readonly totalBytes: number;
  readonly clientBytes: number;
  /** Uploads of one client at once. */
  readonly clientUploads: number;
}

interface Share extends Member {
  upload: Holder | undefined;
  bytes: number;
  waiting: { readonly bytes: number; readonly resolve: (isGranted: boolean) => void } | undefined;
}

/** How much faster an upload must be than one that gives way to it. */
const MUCH_FASTER = 2;
/** Each costs a socket and some 20 KB. When there are more, the newest of the client with most gives way to a client with clearly fewer. */
const MOST_UPLOADS = 2048;

/** How often those that wait are looked at again. */
const WATCH_MS = 250;

/** @param limits read at each reservation */
export function createUploadMemory(limits: () => UploadMemoryLimits): UploadMemory {
  // A Set keeps insertion order: its first entry is the oldest upload.
  const shares = new Set<Share>();
  const places = createFairQueue<Share>();
  const waiting = new Set<Share>();
  const heldByClient = new Map<string, number>();
  let held = 0;
  let isWaking = false;
  let isWatched = false;

  const change = (share: Share, bytes: number): void => {
    share.bytes += bytes;
    held += bytes;
    const ofClient = (heldByClient.get(share.client) ?? 0) + bytes;
    if (ofClient === 0) heldByClient.delete(share.client);
    else heldByClient.set(share.client, ofClient);
    if (bytes < 0) wake();
  };

  /** Once for all that becomes free in one turn of the event loop: a thousand uploads that end together cost one look at those that wait. */
  const wake = (): void => {
    if (isWaking || waiting.size === 0) return;
    isWaking = true;
    setImmediate(() => {
      isWaking = false;
      serveWaiting();
    });
  };

  /** An upload becomes slow by the time that passes: then nothing is given back that would wake those that wait. */
  const watch = (): void => {
    if (isWatched || waiting.size === 0) return;
    isWatched = true;
    setTimeout(() => {
      isWatched = false;
      serveWaiting();
      watch();
    }, WATCH_MS).unref();
  };

  const serveWaiting = (): void => {
    const [oldest] = shares;
    if (oldest?.waiting !== undefined) serve(oldest, oldest.waiting);
    for (const share of waiting) {
      if (share.waiting === undefined || serve(share, share.waiting)) continue;
      // What keeps it is its client's part, or the total, which keeps all behind it too.
      if (held + share.waiting.bytes > limits().totalBytes) return;
    }
  };

  const serve = (share: Share, { bytes, resolve }: NonNullable<Share["waiting"]>): boolean => {
    if (!tryReserve(share, bytes)) return false;
    share.waiting = undefined;
    waiting.delete(share);
    resolve(true);
    return true;
  };

  const clientMayHold = (client: string, bytes: number): boolean =>
    (heldByClient.get(client) ?? 0) + bytes <= limits().clientBytes;

  /** The slowest upload that has to give way to one of this speed. */
  const slowerThan = (bytesPerS: number): Holder | undefined => {
    let slowest: { upload: Holder; bytesPerS: number } | undefined;
    for (const { upload, bytes } of shares) {
      if (upload === undefined || bytes === 0 || !upload.mayGiveWay) continue;
      const speed = upload.bytesPerS;
      if (speed * MUCH_FASTER >= bytesPerS) continue;
      if (slowest === undefined || speed < slowest.bytesPerS) slowest = { upload, bytesPerS: speed };
    }
    return slowest?.upload;
  };

  const makeRoom = (bytes: number, upload: Holder | undefined): boolean => {
    while (held + bytes > limits().totalBytes) {
      const slower = upload === undefined ? undefined : slowerThan(upload.bytesPerS);
      if (slower === undefined) return false;
      slower.giveWay();
    }
    return true;
  };

  const tryReserve = (share: Share, bytes: number): boolean => {
    if (!shares.has(share)) return false;
    const isOldest = shares.values().next().value === share;
    if (!isOldest && (!clientMayHold(share.client, bytes) || !makeRoom(bytes, share.upload))) return false;
    change(share, bytes);
    return true;
  };

  const close = (share: Share): void => {
    if (!shares.delete(share)) return;
    places.leave(share);
    waiting.delete(share);
    share.waiting?.resolve(false);
    share.waiting = undefined;
    if (share.bytes > 0) change(share, -share.bytes);
    wake(); // another one may be the oldest now
  };

  return {
    get heldBytes() {
      return held;
    },
    open: (client, upload) => {
      if (places.countOf(client) >= limits().clientUploads) return undefined;
      const share: Share = { client, upload, bytes: 0, waiting: undefined };
      const joined = places.join(share, MOST_UPLOADS);
      if (joined === "full") return undefined;
      joined?.upload?.giveWay();
      shares.add(share);
      return {
        tryReserve: (bytes) => tryReserve(share, bytes),
        reserve: (bytes, signal) =>
          new Promise((resolve) => {
            if (signal.aborted) return resolve(false);
            if (tryReserve(share, bytes)) return resolve(true);
            const onAbort = (): void => {
              waiting.delete(share);
              share.waiting = undefined;
              resolve(false);
            };
            signal.addEventListener("abort", onAbort, { once: true });
            const settle = (isGranted: boolean): void => {
              signal.removeEventListener("abort", onAbort);
              resolve(isGranted);
            };
            share.waiting = { bytes, resolve: settle };
            waiting.add(share);
            watch();
          }),
        settle: () => {
          share.upload = undefined;
          places.leave(share);
        },
        give: (bytes) => change(share, -Math.min(bytes, share.bytes)),
        close: () => close(share),
      };
    },
  };
}
