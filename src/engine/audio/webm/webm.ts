import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { readBlocks } from "./blocks.ts";
import type { Block } from "./blocks.ts";
import { codecOf, skipOf } from "./track-codec.ts";
import { readHead } from "./track.ts";
import { createWalk } from "./walk.ts";

/**
 * WebM and Matroska: one audio track with Opus, Vorbis, AAC, FLAC, ALAC, MP3 or PCM. Packets follow each other; where
 * their time stamps leave a pause, it becomes silence. Segments and clusters of unknown size (live recordings) are read
 * to the end of the body.
 *
 * A body that ends inside an element, or before the end its segment declares, is truncated.
 */
export async function openWebm(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const walk = createWalk(input);
  const { track, durationS, tickNs } = await readHead(walk, context.track);
  const packets = readBlocks({ walk, track, tickNs, context });
  const first = await packets.next();
  if (first.done) throw damaged("WebM/Matroska", "the file has no audio packets");
  const codec = codecOf(track, first.value.data);
  const skipFrames = skipOf(track, codec);
  return {
    format: codec.name === "opus" || codec.name === "vorbis" ? `webm-${codec.name}` : `matroska-${codec.name}`,
    sampleRateHz: codec.sampleRateHz,
    channelCount: codec.channelCount,
    totalFrames: durationS === undefined ? undefined : Math.round(durationS * codec.sampleRateHz),
    blocks: decodePackets({
      container: "WebM/Matroska",
      sampleRateHz: codec.sampleRateHz,
      channelCount: codec.channelCount,
      isSurround: codec.isSurround ?? false,
      context,
      packets: countFrames({ first: first.value, rest: packets, codec, skipFrames }),
      createDecoder: codec.createDecoder,
      skipFrames,
    }),
  };
}

interface CountOptions {
  readonly first: Block;
  readonly rest: AsyncGenerator<Block, void, undefined>;
  readonly codec: TrackCodec;
  readonly skipFrames: number;
}

async function* countFrames({
  first,
  rest,
  codec,
  skipFrames,
}: CountOptions): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  const toFrames = (ns: number): number => Math.round((ns * codec.sampleRateHz) / 1e9);
  let endFrame = 0;
  function packetOf({ data, timeNs, discardNs }: Block): EncodedPacket {
    endFrame += framesOf(data);
    return {
      data,
      endFrame,
      ...(timeNs !== undefined && { atFrame: toFrames(timeNs) - skipFrames }),
      ...(discardNs > 0 && { limitFrame: endFrame - toFrames(discardNs) }),
    };
  }
  yield packetOf(first);
  for await (const block of rest) yield packetOf(block);
}
