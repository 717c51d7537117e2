import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { checkShape, truncated } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import type { SampleRange } from "./samples.ts";

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
      packets: readPackets(input, file),
      createDecoder: codec.createDecoder,
      skipFrames,
    }),
  };
}

// ---

async function* readPackets(
  input: ByteReader,
  { codec, packetBytes, range, skipFrames = 0, validFrames }: ConstantFile,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  const limitFrame = validFrames === undefined ? undefined : skipFrames + validFrames;
  let left = range.dataBytes ?? Number.POSITIVE_INFINITY;
  let endFrame = 0;
  while (left >= packetBytes) {
    const data = (await input.read(packetBytes)).slice();
    if (data.length < packetBytes) {
      if (left === Number.POSITIVE_INFINITY) return;
      const missing = `${left - data.length} of ${range.dataBytes} bytes of samples are missing`;
      throw truncated(range.container, `the file is truncated, ${missing}`);
    }
    left -= packetBytes;
    endFrame += framesOf(data);
    yield { data, endFrame, ...(limitFrame !== undefined && { limitFrame }) };
  }
}
