import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { createFrameSource } from "../input/frame-scan.ts";
import { damaged } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { AAC_FIRST_FRAME } from "./aac.ts";
import { LOAS_SYNTAX, parseLatmConfig } from "./latm.ts";

/** AAC in LATM frames as a bare stream. */
export async function openLoas(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const frames = createFrameSource(input, LOAS_SYNTAX, context);
  let first = await frames.next();
  let config = first && parseLatmConfig(first.data);
  // The configuration is repeated: a stream that was cut out of another begins at the next one.
  while (first && !config) {
    first = await frames.next();
    config = first && parseLatmConfig(first.data);
  }
  if (!first || !config) throw damaged("AAC (LATM)", "no frame with a configuration was found");
  frames.unread(first);
  const { sampleRateHz, channelCount, frameSamples } = config;

  async function* readPackets(): AsyncGenerator<EncodedPacket, void, undefined> {
    let endFrame = 0;
    for (let frame = await frames.next(); frame; frame = await frames.next()) {
      endFrame += frameSamples;
      yield { data: frame.data, endFrame };
    }
  }
  return {
    format: "aac-latm",
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodePackets({
      container: "AAC (LATM)",
      sampleRateHz,
      channelCount,
      context,
      packets: readPackets(),
      createDecoder: () => createFfmpegCodec({ codec: "AAC-LATM" }),
      skipFrames: AAC_FIRST_FRAME,
      concealFrames: frameSamples,
    }),
  };
}
