import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";

/** Returns transcripts as both engines keep them. */
export function packTranscripts(transcripts: readonly FormattableTranscript[]): Buffer {
  return deflateRawSync(JSON.stringify(transcripts));
}

export function unpackTranscripts(packed: Uint8Array): readonly FormattableTranscript[] {
  return JSON.parse(inflateRawSync(packed).toString()) as readonly FormattableTranscript[]; // written by packTranscripts
}

/** Returns how long the recording is, and how many words it has in all channels. */
export function sizeOf(transcripts: readonly FormattableTranscript[]): {
  readonly durationS: number;
  readonly words: number;
} {
  return {
    durationS: Math.max(0, ...transcripts.map(({ durationS }) => durationS)),
    words: transcripts.reduce((sum, { words }) => sum + words.length, 0),
  };
}
