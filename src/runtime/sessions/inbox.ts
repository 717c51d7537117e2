/** A frame that waits for its turn. */
export type Frame = { readonly text: string } | { readonly audio: Uint8Array };

/**
 * Frames in order, while the session cannot take them (it waits for a slot, or recognition is behind) or has too little of them. Small audio
 * frames become one piece, so that a client of one-byte frames costs no object and no message for each. Bounded: when full, the owner
 * pauses the socket; at most one portion of frames may still come.
 */
export interface Inbox {
  /** Audio is copied: a socket's bytes are only borrowed. */
  push(frame: Frame): void;
  shift(): Frame | undefined;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  /** It only holds audio too short to be worth a message of its own: more will follow soon. */
  readonly isScant: boolean;
  clear(): void;
}

/** Audio below this size is joined with what follows: 20 ms at 16 kHz. */
export const SCANT_BYTES = 640;
const PIECE_BYTES = 32 * 1024;
const MAX_FRAMES = 256;

interface Piece {
  readonly memory: Uint8Array;
  used: number;
}

export function createInbox(maxBytes: number): Inbox {
  let entries: (Piece | { readonly text: string })[] = [];
  /** Memory, with the unused end of each piece. */
  let bytes = 0;

  const pushAudio = (audio: Uint8Array): void => {
    const last = entries.at(-1);
    if (last !== undefined && "memory" in last && last.used + audio.length <= last.memory.length) {
      last.memory.set(audio, last.used);
      last.used += audio.length;
      return;
    }
    // The first piece of a small frame is small too: many sessions have no more than this waiting.
    const size = audio.length < SCANT_BYTES && entries.length === 0 ? 2 * SCANT_BYTES : PIECE_BYTES;
    const memory = new Uint8Array(Math.max(size, audio.length));
    bytes += memory.length;
    memory.set(audio);
    entries.push({ memory, used: audio.length });
  };

  return {
    push: (frame) => {
      if ("audio" in frame) return pushAudio(frame.audio);
      bytes += frame.text.length;
      entries.push(frame);
    },
    shift: () => {
      const entry = entries.shift();
      if (entry === undefined) return undefined;
      bytes -= "memory" in entry ? entry.memory.length : entry.text.length;
      return "memory" in entry ? { audio: entry.memory.subarray(0, entry.used) } : entry;
    },
    get isEmpty() {
      return entries.length === 0;
    },
    get isFull() {
      return bytes >= maxBytes || entries.length >= MAX_FRAMES;
    },
    get isScant() {
      const [only, second] = entries;
      return only !== undefined && second === undefined && "memory" in only && only.used < SCANT_BYTES;
    },
    clear: () => {
      entries = [];
      bytes = 0;
    },
  };
}
