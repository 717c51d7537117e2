import { openAdts, parseAdtsHeader } from "../aac/adts.ts";
import { openAc3 } from "../ac3/ac3.ts";
import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createByteReader, type ByteReader } from "../input/byte-reader.ts";
import { readRange } from "../linear/range.ts";
import { openMp3 } from "../mp3/mp3.ts";
import { checkShape, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { TAG_AC3, TAG_MP3, TAG_MPEG } from "./shape.ts";
import type { WavHeader } from "./header.ts";
import { waveCodec, type WaveCodec } from "./wave-codecs.ts";

/**
 * Opens a WAV file whose data are packets of a codec; undefined when they are plain samples. Codecs that cannot be decoded
 * are refused by name.
 */
export async function openCoded(
  input: ByteReader,
  header: WavHeader,
  context: OpenContext,
): Promise<OpenedAudio | undefined> {
  const { tag } = header.fields;
  if (tag === TAG_MPEG || tag === TAG_MP3) {
    return { ...(await openMp3(dataOf(input, header, context), context)), format: "wav-mp3" };
  }
  if (tag === TAG_AC3) return { ...(await openAc3(dataOf(input, header, context), context)), format: "wav-ac-3" };
  if (TAGS_ADTS.has(tag)) {
    const data = dataOf(input, header, context);
    const head = await data.peek(7);
    if (head.length < 7 || !parseAdtsHeader(head, 0)) {
      throw unsupported("WAV", "AAC without frame headers is not supported", "convert");
    }
    return { ...(await openAdts(data, context)), format: "wav-aac" };
  }
  const codec = waveCodec(header.fields);
  if (!codec) return undefined;
  const { sampleRateHz, channelCount } = codec;
  checkShape("WAV", sampleRateHz, channelCount);
  return {
    format: `wav-${codec.name}`,
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodePackets({
      container: "WAV",
      sampleRateHz,
      channelCount,
      context,
      packets: readBlocks(dataOf(input, header, context), codec, header.factFrames, context),
      createDecoder: codec.createDecoder,
    }),
  };
}

// ---

/** Writers round differently: what is wrong by a block or two is not worth a warning. */
const MANY_BLOCKS = 3;
const TAGS_ADTS: ReadonlySet<number> = new Set([0xff, 0x1600, 0x1610]);

/** The bytes of the samples. The outer reader is the one that is stopped. */
function dataOf(input: ByteReader, header: WavHeader, context: OpenContext): ByteReader {
  return createByteReader(readRange(input, header, header.fields.blockAlign, context), new AbortController().signal);
}

/** The `fact` chunk says where the sound ends inside the last block, which is padded. Another count than that is wrong. */
async function* readBlocks(
  data: ByteReader,
  { blockBytes, isFillable, createCounter }: WaveCodec,
  factFrames: number | undefined,
  context: OpenContext,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = createCounter();
  let endFrame = 0;
  for (;;) {
    const bytes = (await data.read(blockBytes)).slice();
    const frames = bytes.length > 0 ? framesOf(bytes) : 0;
    const isWhole = bytes.length === blockBytes;
    if (isWhole || frames >= 2) {
      endFrame += frames;
      const block = isWhole || !isFillable ? bytes : new Uint8Array(blockBytes);
      if (block !== bytes) block.set(bytes);
      const isLast = !isWhole || (await data.peek(1)).length === 0;
      const isPadded = isLast && factFrames !== undefined && factFrames > endFrame - frames && factFrames < endFrame;
      if (isLast && factFrames !== undefined && factFrames <= endFrame - MANY_BLOCKS * frames)
        context.warn("wrong_header", `WAV: the header counts ${factFrames} samples, more follow and were read`);
      yield { data: block, endFrame, ...(frames > 0 && { limitFrame: isPadded ? factFrames : endFrame }) };
    }
    if (!isWhole) return;
  }
}
