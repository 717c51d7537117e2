import {
  AAC_FIRST_FRAME,
  AAC_FRAME_SAMPLES,
  AAC_RATES_HZ,
  channelsOf,
  channelsOfFrame,
  createAacCodec,
} from "./aac.ts";
import type { FrameHeader, ScannedFrame } from "../input/frame-scan.ts";
import { createFrameSource, framesOfKind, type FrameSource } from "../input/frame-scan.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, unsupported } from "../refuse.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "../types.ts";

/**
 * Bare AAC in ADTS frames, joined streams one after the other.
 *
 * A cut last frame is dropped; nothing in such a stream says where it should end.
 */
export async function openAdts(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const frames = createFrameSource(input, { container: "AAC", headerBytes: 7, parse: parseAdtsHeader }, context);
  const first = await frames.next();
  if (!first) throw damaged("AAC", "no audio frame was found");
  const { sampleRateHz } = first.header;
  const channelCount = channelsIn(first);
  return {
    format: "aac",
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodeLinks(frames, first, context),
  };
}

export function parseAdtsHeader(bytes: Uint8Array, at: number): AdtsHeader | undefined {
  const byte = (offset: number): number => bytes[at + offset]!;
  if (byte(0) !== 0xff || (byte(1) & 0xf6) !== 0xf0) return undefined;
  const sampleRateHz = AAC_RATES_HZ[(byte(2) >> 2) & 15];
  const channelConfig = ((byte(2) & 1) << 2) | (byte(3) >> 6);
  const frameBytes = ((byte(3) & 3) << 11) | (byte(4) << 3) | (byte(5) >> 5);
  const headerBytes = byte(1) & 1 ? 7 : 9;
  if (sampleRateHz === undefined || frameBytes <= headerBytes) return undefined;
  return {
    sampleRateHz,
    channelConfig,
    headerBytes,
    blockCount: (byte(6) & 3) + 1,
    frameBytes,
    key: ((byte(2) & 0xfd) << 8) | (byte(3) & 0xc0),
  };
}

// ---

export interface AdtsHeader extends FrameHeader {
  readonly sampleRateHz: number;
  readonly channelConfig: number;
  readonly headerBytes: number;
  readonly blockCount: number;
}

/** Channels that the header names, or the frame itself. */
export function channelsIn({ header, data }: ScannedFrame<AdtsHeader>): number {
  const { channelConfig, headerBytes } = header;
  return channelConfig === 0 ? channelsOfFrame(data.subarray(headerBytes)) : channelsOf(channelConfig);
}

async function* decodeLinks(
  frames: FrameSource<AdtsHeader>,
  first: ScannedFrame<AdtsHeader>,
  context: OpenContext,
): AsyncGenerator<AudioBlock, void, undefined> {
  for (let frame: typeof first | undefined = first; frame; frame = await frames.next()) {
    const { sampleRateHz } = frame.header;
    const channelCount = channelsIn(frame);
    frames.unread(frame);
    yield* decodePackets({
      container: "AAC",
      sampleRateHz,
      channelCount,
      context,
      packets: readPackets(frames, frame.header.key),
      createDecoder: () =>
        createAacCodec({ sampleRateHz, channelCount, frameSamples: AAC_FRAME_SAMPLES, privateData: undefined }),
      skipFrames: AAC_FIRST_FRAME,
      concealFrames: AAC_FRAME_SAMPLES,
    });
  }
}

/** The packets of one kind of frame. */
async function* readPackets(
  frames: FrameSource<AdtsHeader>,
  key: number,
): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  for await (const { header, data } of framesOfKind(frames, key)) {
    if (header.blockCount > 1) throw unsupported("AAC", "several blocks in one ADTS frame are not supported");
    endFrame += AAC_FRAME_SAMPLES;
    yield { data, endFrame };
  }
}
