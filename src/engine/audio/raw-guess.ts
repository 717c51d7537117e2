import type { AudioCure } from "../../shared/audio-problem.ts";
import type { SampleEncoding } from "./codec/pcm.ts";
import { roughness } from "./wav/shape.ts";

/** What samples without a header most likely are; undefined when they sound like noise in every reading. */
export function guessRaw(head: Uint8Array): AudioCure | undefined {
  if (head.length < MIN_BYTES) return undefined;
  let best: AudioCure | undefined;
  let lowest = MOST_ROUGH;
  for (const encoding of READINGS) {
    const rough = roughness(head, encoding, 1);
    if (rough >= lowest) continue;
    best = encoding;
    lowest = rough;
  }
  return best;
}

/** A container sent with `curl --data` has lost every NUL, line feed and carriage return; 1 kB without one does not happen otherwise. */
export function hasLostBytes(head: Uint8Array): boolean {
  return head.length >= MIN_BYTES && !head.some((byte) => byte === 0 || byte === 0x0a || byte === 0x0d);
}

// ---

const MIN_BYTES = 1024;
/** Speech stays well below, noise lies at 1.3. */
const MOST_ROUGH = 0.95;
const READINGS: readonly (SampleEncoding & AudioCure)[] = ["pcmu", "pcma", "s16le"];
