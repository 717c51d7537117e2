/** A frame that waits for its turn. */
export type Frame = { readonly text: string } | { readonly audio: Uint8Array };

/**
 * Frames in order while the session cannot take them (it waits for a slot, or inference is behind). Bounded: when full, the owner pauses the
 * socket; what the socket already held may still come, at most one read of 64 KiB.
 */
export interface Inbox {
  /** Audio is copied: a socket's bytes are only borrowed. */
  push(frame: Frame): void;
  shift(): Frame | undefined;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  clear(): void;
}

const MAX_FRAMES = 256;

export function createInbox(maxBytes: number): Inbox {
  let frames: Frame[] = [];
  let first = 0;
  let bytes = 0;
  return {
    push: (frame) => {
      bytes += sizeOf(frame);
      // Not slice(): of a Node Buffer that is a view on the socket's own memory.
      frames.push("audio" in frame ? { audio: new Uint8Array(frame.audio) } : frame);
    },
    shift: () => {
      const frame = frames[first];
      if (frame === undefined) return undefined;
      bytes -= sizeOf(frame);
      first++;
      if (first === frames.length || first > 1024) {
        frames = frames.slice(first);
        first = 0;
      }
      return frame;
    },
    get isEmpty() {
      return first === frames.length;
    },
    get isFull() {
      return bytes >= maxBytes || frames.length - first >= MAX_FRAMES;
    },
    clear: () => {
      frames = [];
      first = 0;
      bytes = 0;
    },
  };
}

function sizeOf(frame: Frame): number {
  return "audio" in frame ? frame.audio.length : frame.text.length;
}
