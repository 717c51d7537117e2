import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import { createByteReader, type ByteReader } from "../input/byte-reader.ts";
import { checkShape } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { readRange, type SampleRange } from "./range.ts";

interface ConstantFile {
  readonly format: string;
  readonly codec: TrackCodec;
  readonly packetBytes: number;
  readonly range: SampleRange;
  /** Frames to drop at the start. */
  readonly skipFrames?: number;
  /** Frames that are not padding, after those dropped; undefined = all. */
  readonly validFrames?: number | undefined;
}

/** Opens packets of one size behind a header that was read. */
export function openConstant(input: ByteReader, context: OpenContext, file: ConstantFile): OpenedAudio {
  const { format, codec, range, skipFrames = 0 } = file;
  const { sampleRateHz, channelCount } = codec;
  checkShape(range.container, sampleRateHz, channelCount);
  return {
    format,
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodePackets({
      container: range.container,
      sampleRateHz,
      channelCount,
      context,
      packets: readPackets(input, file, context),
      createDecoder: codec.createDecoder,
      skipFrames,
    }),
  };
}

// ---

async function* readPackets(
  input: ByteReader,
  { codec, packetBytes, range, skipFrames = 0, validFrames }: ConstantFile,
  context: OpenContext,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const bytes = createByteReader(readRange(input, range, packetBytes, context), new AbortController().signal);
  const framesOf = codec.createCounter();
  let endFrame = 0;
  for (;;) {
    const data = (await bytes.read(packetBytes)).slice();
    if (data.length < packetBytes) return;
    endFrame += framesOf(data);
    // Only the last packets are padded.
    const isLast = validFrames !== undefined && (await bytes.peek(packetBytes)).length < packetBytes;
    const isPadded = isLast && skipFrames + validFrames > endFrame - 2 * framesOf(data);
    yield { data, endFrame, ...(isPadded && { limitFrame: skipFrames + validFrames }) };
  }
}
