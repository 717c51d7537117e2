import { unsupported } from "../refuse.ts";

/** Parts of a file kept in memory, read by their offset in it. */
export interface ByteStore {
  /** Copies bytes that lie at `offset`. Offsets must not go backwards. */
  add(offset: number, bytes: Uint8Array): void;
  /** A copy; undefined when not all of it is there. */
  read(offset: number, length: number): Uint8Array | undefined;
}

/** The body limit of the server is far below; a file given on the command line may be larger. */
export const MAX_STORED_BYTES: number = 512 * 2 ** 20;
const PIECE_BYTES = 2 ** 20;

/** @param container for the error of a file that is too large @param detail what comes too late */
export function createByteStore(container: string, detail: string): ByteStore {
  const pieces: { readonly offset: number; readonly bytes: Uint8Array; length: number }[] = [];
  let total = 0;
  return {
    add(offset, bytes) {
      total += bytes.length;
      if (total > MAX_STORED_BYTES) {
        throw unsupported(container, detail, container === "MP4" ? "remux" : "convert");
      }
      for (let from = 0; from < bytes.length;) {
        let piece = pieces.at(-1);
        if (!piece || piece.length === PIECE_BYTES || piece.offset + piece.length !== offset + from) {
          piece = { offset: offset + from, bytes: new Uint8Array(PIECE_BYTES), length: 0 };
          pieces.push(piece);
        }
        const part = bytes.subarray(from, from + PIECE_BYTES - piece.length);
        piece.bytes.set(part, piece.length);
        piece.length += part.length;
        from += part.length;
      }
    },
    read(offset, length) {
      const out = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const piece = pieces[indexOf(offset + done)];
        const from = piece ? offset + done - piece.offset : 0;
        if (!piece || from >= piece.length) return undefined;
        const part = piece.bytes.subarray(from, Math.min(piece.length, from + length - done));
        out.set(part, done);
        done += part.length;
      }
      return out;
    },
  };

  /** The last piece that begins at or before `offset`; -1 when there is none. */
  function indexOf(offset: number): number {
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
