import { openAdts, parseAdtsHeader } from "../aac/adts.ts";
import { openAc3 } from "../ac3/ac3.ts";
import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createByteReader, type ByteReader } from "../input/byte-reader.ts";
import { whatFollows } from "../linear/samples.ts";
import { openMp3 } from "../mp3/mp3.ts";
import { checkShape, truncated, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { TAG_MP3 } from "./shape.ts";
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
      packets: readBlocks(dataOf(input, header, context), codec, header.factFrames),
      createDecoder: codec.createDecoder,
    }),
  };
}

// ---

const TAG_MPEG = 0x50;
const TAG_AC3 = 0x2000;
const TAGS_ADTS: ReadonlySet<number> = new Set([0xff, 0x1600, 0x1610]);

/** The bytes of the samples. The outer reader is the one that is stopped. */
function dataOf(input: ByteReader, header: WavHeader, context: OpenContext): ByteReader {
  return createByteReader(readData(input, header, context), new AbortController().signal);
}

async function* readBlocks(
  data: ByteReader,
  { blockBytes, isFillable, createCounter }: WaveCodec,
  factFrames: number | undefined,
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
      const limitFrame = frames > 0 ? Math.min(endFrame, factFrames ?? endFrame) : undefined;
      yield { data: block, endFrame, ...(limitFrame !== undefined && { limitFrame }) };
    }
    if (!isWhole) return;
  }
}

/** The bytes of the data chunk, and those behind it that are not a chunk. */
async function* readData(
  input: ByteReader,
  header: WavHeader,
  context: OpenContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { dataBytes: declared, fileBytes, layout, fields } = header;
  let left = declared ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const bytes = left > 0 ? await input.next(Math.min(left, 65_536)) : undefined;
    if (bytes) {
      left -= bytes.length;
      yield bytes.slice();
      continue;
    }
    if (declared === undefined || left === Number.POSITIVE_INFINITY) return;
    if (left > 0) {
      if (fileBytes === input.position) return;
      throw truncated("WAV", `the file is truncated, ${left} of ${declared} bytes of samples are missing`);
    }
    const next = await whatFollows(input, { rest: 0, dataBytes: declared, frameBytes: fields.blockAlign, layout });
    if (next.is === "end") return;
    context.warn("wrong_header", `WAV: the header says ${declared} bytes of samples, more follow and were read`);
    left = Number.POSITIVE_INFINITY;
  }
}
