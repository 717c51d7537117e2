/** Pull access to bytes that arrive in any split. Views handed out are plain Uint8Arrays and valid until the next call. */
export interface ByteReader {
  /** Bytes consumed so far. */
  readonly position: number;
  /** Waits for `count` bytes without consuming them; fewer only at the end of the input. */
  peek(count: number): Promise<Uint8Array>;
  /** Consumes `count` bytes; fewer only at the end of the input. */
  read(count: number): Promise<Uint8Array>;
  /** Consumes without keeping; resolves to the bytes really there. */
  skip(count: number): Promise<number>;
  /** Consumes what has arrived, at least one byte and at most `max`; undefined at the end of the input. */
  next(max: number): Promise<Uint8Array | undefined>;
  /** Stops the input; later reads see its end. Does not wait for a source that hangs. */
  close(): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Reads a source that may hang, fail or be cut into single bytes. An aborted signal rejects the waiting read with its
 * reason; an error of the source is passed on as it is.
 */
export function createByteReader(source: AsyncIterable<Uint8Array>, signal: AbortSignal): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let buffer: Uint8Array = NOTHING;
  let isOurs = false;
  let start = 0;
  let end = 0;
  let position = 0;
  let isEnded = false;

  function append(chunk: Uint8Array): void {
    const held = end - start;
    if (held === 0) {
      buffer = chunk;
      isOurs = false;
      start = 0;
      end = chunk.length;
      return;
    }
    if (!isOurs || end + chunk.length > buffer.length) {
      // Doubling keeps a body of single bytes linear.
      const grown = new Uint8Array(Math.max(4096, 2 * held, held + chunk.length));
      grown.set(buffer.subarray(start, end));
      buffer = grown;
      isOurs = true;
      start = 0;
      end = held;
    }
    buffer.set(chunk, end);
    end += chunk.length;
  }

  function pull(): Promise<IteratorResult<Uint8Array>> {
    // Not Promise.race with one long-lived promise: that would keep a reaction per chunk.
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      iterator
        .next()
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** True while at least `count` bytes are held. */
  async function fill(count: number): Promise<boolean> {
    signal.throwIfAborted();
    while (end - start < count && !isEnded) {
      const item = await pull();
      // A Node Buffer's slice() is a view: our readers copy with slice(), so they must never meet one.
      if (item.done) isEnded = true;
      else append(new Uint8Array(item.value.buffer, item.value.byteOffset, item.value.byteLength));
    }
    return end - start >= count;
  }

  function consume(count: number): Uint8Array {
    const view = buffer.subarray(start, start + count);
    start += count;
    position += count;
    return view;
  }

  return {
    get position() {
      return position;
    },
    async peek(count) {
      await fill(count);
      return buffer.subarray(start, Math.min(end, start + count));
    },
    async read(count) {
      await fill(count);
      return consume(Math.min(count, end - start));
    },
    async skip(count) {
      let left = count;
      while (left > 0 && (await fill(1))) left -= consume(Math.min(left, end - start)).length;
      return count - left;
    },
    async next(max) {
      return (await fill(1)) ? consume(Math.min(max, end - start)) : undefined;
    },
    close() {
      buffer = NOTHING;
      start = end = 0;
      if (isEnded) return;
      isEnded = true;
      // A generator stuck in its own await answers return() only after it, so this does not wait.
      iterator.return?.().then(undefined, () => undefined);
    },
  };
}
