/** One request at a time writes an upload. */
export interface UploadLocks {
  /**
   * Resolves with the release once the upload is free. Its holder is asked to stop: after a lost connection the server may still wait for
   * the old request when the client is already back.
   */
  take(id: string, stop: () => void): Promise<() => void>;
}

export function createUploadLocks(): UploadLocks {
  const held = new Map<string, { readonly stop: () => void; readonly free: Promise<void> }>();
  return {
    take: async (id, stop) => {
      for (let holder = held.get(id); holder !== undefined; holder = held.get(id)) {
        holder.stop();
        await holder.free;
      }
      let release = (): void => {};
      const free = new Promise<void>((resolve) => {
        release = resolve;
      });
      held.set(id, { stop, free });
      return () => {
        held.delete(id);
        release();
      };
    },
  };
}
