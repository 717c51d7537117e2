import { parseAudioSpecificConfig, type AacConfig } from "./aac.ts";
import type { FrameHeader, FrameSyntax } from "../input/frame-scan.ts";

/** AAC in LATM, in the frames of LOAS (ISO/IEC 14496-3, 1.7.2): the configuration is inside. */
export const LOAS_SYNTAX: FrameSyntax<FrameHeader> = {
  container: "AAC (LATM)",
  headerBytes: 3,
  firstByte: 0x56,
  parse: parseLoasHeader,
};

export function parseLoasHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (bytes[at] !== 0x56 || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const length = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!;
  return length === 0 ? undefined : { frameBytes: 3 + length, key: 0 };
}

/** The configuration in a LOAS frame; undefined where it repeats the one before. */
export function parseLatmConfig(frame: Uint8Array): AacConfig | undefined {
  // The first bit says that the configuration is the one before, the second that it is in the newer syntax.
  if (frame.length < 8 || frame[3]! & 0xc0) return undefined;
  return parseAudioSpecificConfig(frame.subarray(5));
}
