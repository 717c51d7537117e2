import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import {
  createFrameSource,
  framesOfKind,
  type FrameHeader,
  type FrameSource,
  type FrameSyntax,
} from "../input/frame-scan.ts";
import { damaged } from "../refuse.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "../types.ts";

export interface Ac3Header extends FrameHeader {
  readonly codec: "AC-3" | "E-AC-3";
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Per channel; 0 for a frame that adds channels to the one before it. */
  readonly samples: number;
}

export const AC3_SYNTAX: FrameSyntax<Ac3Header> = {
  container: "AC-3",
  headerBytes: 7,
  firstByte: 0x0b,
  parse: parseAc3Header,
};

/** Dolby Digital (AC-3) and Dolby Digital Plus (E-AC-3) as a bare stream of frames, joined streams one after the other. */
export async function openAc3(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const frames = createFrameSource(input, AC3_SYNTAX, context);
  const first = await frames.next();
  if (!first) throw damaged("AC-3", "no audio frame was found");
  frames.unread(first);
  const { codec, sampleRateHz, channelCount } = first.header;
  return {
    format: codec.toLowerCase(),
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodeLinks(frames, context),
  };
}

/** A syncframe's header (ETSI TS 102 366). */
export function parseAc3Header(bytes: Uint8Array, at: number): Ac3Header | undefined {
  const byte = (offset: number): number => bytes[at + offset]!;
  if (byte(0) !== 0x0b || byte(1) !== 0x77) return undefined;
  const version = byte(5) >> 3;
  if (version > 16) return undefined;
  if (version <= 10) {
    const sampleRateHz = RATES_HZ[byte(4) >> 6];
    const sizeCode = byte(4) & 63;
    const kilobits = KILOBITS[sizeCode >> 1];
    if (!sampleRateHz || !kilobits) return undefined;
    const mode = byte(6) >> 5;
    // Two bits each for the mix levels that the mode needs stand before the one of the low-frequency channel.
    const skipped = (mode & 1 && mode !== 1 ? 2 : 0) + (mode & 4 ? 2 : 0) + (mode === 2 ? 2 : 0);
    const hasLfe = (byte(6) >> (4 - skipped)) & 1;
    const words = Math.floor((kilobits * 96_000) / sampleRateHz) + (sampleRateHz === 44_100 ? sizeCode & 1 : 0);
    const channelCount = CHANNELS[mode]! + hasLfe;
    const key = (1 << 16) | (byte(4) & 0xc0) | channelCount;
    // Below the standard rates a version halves and quarters them.
    return {
      codec: "AC-3",
      sampleRateHz: sampleRateHz >> Math.max(0, version - 8),
      channelCount,
      samples: 1536,
      frameBytes: 2 * words,
      key,
    };
  }
  const isLowRate = byte(4) >> 6 === 3;
  const sampleRateHz = isLowRate ? (RATES_HZ[(byte(4) >> 4) & 3] ?? 0) / 2 : RATES_HZ[byte(4) >> 6];
  if (!sampleRateHz) return undefined;
  const blocks = isLowRate ? 6 : [1, 2, 3, 6][(byte(4) >> 4) & 3]!;
  const isDependent = byte(2) >> 6 === 1;
  const frameBytes = 2 * ((((byte(2) & 7) << 8) | byte(3)) + 1);
  if (byte(2) >> 6 === 3 || frameBytes < 8) return undefined;
  const channelCount = CHANNELS[(byte(4) >> 1) & 7]! + (byte(4) & 1);
  return {
    codec: "E-AC-3",
    sampleRateHz,
    channelCount,
    samples: isDependent ? 0 : 256 * blocks,
    frameBytes,
    key: (2 << 16) | (byte(4) & 0xc0),
  };
}

// ---

const RATES_HZ = [48_000, 44_100, 32_000];
const KILOBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5];

async function* decodeLinks(
  frames: FrameSource<Ac3Header>,
  context: OpenContext,
): AsyncGenerator<AudioBlock, void, undefined> {
  for (let frame = await frames.next(); frame; frame = await frames.next()) {
    frames.unread(frame);
    const { codec, sampleRateHz, channelCount, samples, key } = frame.header;
    yield* decodePackets({
      container: codec,
      sampleRateHz,
      channelCount,
      context,
      packets: readPackets(frames, key),
      createDecoder: () => createFfmpegCodec({ codec }),
      concealFrames: samples,
    });
  }
}

/** The packets of one kind of frame. */
async function* readPackets(
  frames: FrameSource<Ac3Header>,
  key: number,
): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  for await (const { header, data } of framesOfKind(frames, key)) {
    // Channels beyond 5.1 have frames of their own: speech is in the others.
    if (header.samples === 0) continue;
    endFrame += header.samples;
    yield { data, endFrame };
  }
}
