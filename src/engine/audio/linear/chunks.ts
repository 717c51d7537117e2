/** The head of a chunk. */
export interface Chunk {
  readonly name: string;
  /** Of the body, without padding; Infinity = to the end of the file. */
  readonly bytes: number;
}

/** How a container cuts itself into chunks. */
export interface ChunkLayout {
  readonly headBytes: number;
  /** Chunks begin at multiples of this, counted from the start of the one before. */
  readonly alignBytes: number;
  /** The chunk that may begin at `at`; undefined when the bytes there cannot be one. */
  chunkAt(bytes: Uint8Array, at: number): Chunk | undefined;
}

/** WAV. */
export const RIFF_CHUNKS: ChunkLayout = createLayout({
  headBytes: 8,
  alignBytes: 2,
  readBytes: (view) => view.getUint32(4, true),
});
/** AIFF and the big-endian WAV. */
export const IFF_CHUNKS: ChunkLayout = createLayout({
  headBytes: 8,
  alignBytes: 2,
  readBytes: (view) => view.getUint32(4),
});
/** CAF: 64-bit lengths, no padding. */
export const CAF_CHUNKS: ChunkLayout = createLayout({
  headBytes: 12,
  alignBytes: 1,
  readBytes: (view) => Number(view.getBigUint64(4)),
});
/** Wave64: names are GUIDs that begin with the name in WAV, lengths are 64 bits and count the head. */
export const WAVE64_CHUNKS: ChunkLayout = createLayout({
  headBytes: 24,
  alignBytes: 8,
  readBytes: (view) => {
    const isGuid = view.getUint32(4) === 0xf3acd311 || view.getUint32(4) === 0x2e91cf11;
    return isGuid ? Number(view.getBigUint64(16, true)) - 24 : Number.NEGATIVE_INFINITY;
  },
});
/** Samples up to the end, nothing behind them. */
export const NO_CHUNKS: ChunkLayout = { headBytes: 0, alignBytes: 1, chunkAt: () => undefined };

/** Bytes of padding behind a chunk's body. */
export function paddingOf({ alignBytes }: ChunkLayout, bodyBytes: number): number {
  return (alignBytes - (bodyBytes % alignBytes)) % alignBytes;
}

// ---

function createLayout({
  headBytes,
  alignBytes,
  readBytes,
}: {
  readonly headBytes: number;
  readonly alignBytes: number;
  readonly readBytes: (view: DataView) => number;
}): ChunkLayout {
  return {
    headBytes,
    alignBytes,
    chunkAt(bytes, at) {
      if (at + headBytes > bytes.length) return undefined;
      const name = Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
      if (!/^[A-Za-z_(][A-Za-z0-9 _.)-]{3}$/.test(name)) return undefined;
      const length = readBytes(new DataView(bytes.buffer, bytes.byteOffset + at, headBytes));
      if (length < -headBytes || (length < 0 && name !== "data")) return undefined;
      // Writers to a pipe leave the largest number there is; Wave64 counts the head: less than that says nothing.
      return { name, bytes: Number.isSafeInteger(length) && length >= 0 ? length : Number.POSITIVE_INFINITY };
    },
  };
}
