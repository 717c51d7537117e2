/** Where WebSocket frames begin in a stream of bytes: enough to count them, the library checks what they say. */
export interface FrameScan {
  /** Walks from `from` over at most `maxFrames` frame beginnings. `to` is where it stopped. */
  walk(bytes: Uint8Array, from: number, maxFrames: number): { readonly to: number; readonly frames: number };
}

export function createFrameScan(): FrameScan {
  /** Bytes of the present frame that follow its length: mask and payload. */
  let rest = 0;
  /** Where the next header byte belongs: 0 opcode, 1 short length, 2 extended length. */
  let place: 0 | 1 | 2 = 0;
  let lengthBytes = 0;
  let length = 0;
  let maskBytes = 0;

  const end = (): void => {
    rest = length + maskBytes;
    place = 0;
  };
  const header = (byte: number): void => {
    if (place === 0) {
      place = 1;
    } else if (place === 1) {
      maskBytes = byte & 128 ? 4 : 0;
      length = byte & 127;
      if (length < 126) return end();
      lengthBytes = length === 126 ? 2 : 8;
      length = 0;
      place = 2;
    } else {
      length = length * 256 + byte;
      lengthBytes--;
      if (lengthBytes === 0) end();
    }
  };

  return {
    walk: (bytes, from, maxFrames) => {
      let to = from;
      let frames = 0;
      while (to < bytes.length) {
        if (rest > 0) {
          const skipped = Math.min(rest, bytes.length - to);
          rest -= skipped;
          to += skipped;
          continue;
        }
        if (place === 0) {
          if (frames === maxFrames) break;
          frames++;
        }
        header(bytes[to++]!); // in range
      }
      return { to, frames };
    },
  };
}
