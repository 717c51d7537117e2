import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { pcmTrack, type TrackCodec } from "../codec/track-codecs.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { AudioError } from "../../../shared/audio-problem.ts";
import { damaged, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { findShape } from "../wav/shape.ts";
import { wavePacketCodec } from "../wav/wave-codecs.ts";
import { DATA_OBJECT, readAsfHeader, readObjectHead, type AsfHeader, type AsfStream } from "./header.ts";
import { parseAsfPacket, type AsfPayload } from "./packets.ts";

/** Windows Media (ASF, WMA, WMV): one audio stream with Windows Media Audio, MP3, PCM or a codec of WAV files. */
export async function openAsf(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const header = await readAsfHeader(input, context.track);
  const objects = readObjects(input, header, context);
  const first = await objects.next();
  if (first.done) throw damaged("ASF", "the audio stream is empty");
  const codec = codecOf(header.stream, first.value.data);
  const { sampleRateHz, channelCount } = codec;
  return {
    format: `asf-${codec.name}`,
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodePackets({
      container: "ASF",
      sampleRateHz,
      channelCount,
      context,
      packets: countFrames(first.value, objects, codec),
      createDecoder: codec.createDecoder,
    }),
  };
}

// ---

/** A whole media object: one or more packets of the codec. */
interface MediaObject {
  readonly data: Uint8Array;
  readonly timeMs: number;
}

/** No codec's packets come near this. */
const MAX_OBJECT_BYTES = 4 * 2 ** 20;

function codecOf({ fields }: AsfStream, firstPacket: Uint8Array): TrackCodec {
  const coded = wavePacketCodec(fields, firstPacket);
  if (coded) return coded;
  const shape = findShape(fields, firstPacket);
  if (!shape) throw unsupported("ASF", `the codec 0x${fields.tag.toString(16)} is not supported`, "convert");
  return pcmTrack(shape.encoding, shape.sampleRateHz, shape.channelCount);
}

async function* countFrames(
  first: MediaObject,
  rest: AsyncGenerator<MediaObject, void, undefined>,
  codec: TrackCodec,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  let endFrame = 0;
  function packetOf({ data, timeMs }: MediaObject): EncodedPacket {
    const frames = framesOf(data);
    endFrame += frames;
    return { data, atFrame: (timeMs * codec.sampleRateHz) / 1000, ...(frames > 0 && { endFrame }) };
  }
  yield packetOf(first);
  for await (const object of rest) yield packetOf(object);
}

/** The media objects of the stream, put together from the payloads of the data packets. */
async function* readObjects(
  input: ByteReader,
  { packetBytes, prerollMs, isLive, stream }: AsfHeader,
  context: OpenContext,
): AsyncGenerator<MediaObject, void, undefined> {
  let left = await enterData(input);
  if (isLive || left === 0) left = Number.POSITIVE_INFINITY;
  let isEnded = false;
  let held: { number: number; bytes: Uint8Array; filled: number; timeMs: number } | undefined;

  while (!isEnded && left >= packetBytes) {
    const packet = (await input.read(packetBytes)).slice();
    if (packet.length < packetBytes) {
      if (packet.length > 0 || left !== Number.POSITIVE_INFINITY)
        context.warn("truncated", "ASF: the file is truncated");
      isEnded = true;
    }
    left -= packetBytes;
    for (const payload of payloadsOf(packet)) {
      if (payload.stream !== stream.number) continue;
      const { objectNumber, offset, objectBytes, data } = payload;
      if (objectBytes > MAX_OBJECT_BYTES || offset + data.length > objectBytes) {
        context.warn("damaged", "ASF: parts of packets contradict each other and were left out");
        continue;
      }
      if (offset === 0) {
        if (held) context.warn("damaged", "ASF: a packet is incomplete and was left out");
        const timeMs = Math.max(0, payload.timeMs - prerollMs);
        held = { number: objectNumber, bytes: new Uint8Array(objectBytes), filled: 0, timeMs };
      }
      if (!held || held.number !== objectNumber || held.filled !== offset || held.bytes.length !== objectBytes) {
        context.warn("damaged", "ASF: a packet is incomplete and was left out");
        held = undefined;
        continue;
      }
      held.bytes.set(data, offset);
      held.filled += data.length;
      if (held.filled < objectBytes) continue;
      if (objectBytes > 0) yield { data: unspread(held.bytes, stream.spread), timeMs: held.timeMs };
      held = undefined;
    }
  }

  function* payloadsOf(packet: Uint8Array): Generator<AsfPayload, void, undefined> {
    try {
      if (packet.length > 0) yield* parseAsfPacket(packet);
    } catch (error) {
      if (!(error instanceof AudioError)) throw error;
      if (!isEnded) context.warn("damaged", error.message);
    }
  }
}

/** Goes to the first data packet; resolves to the bytes of all of them. */
async function enterData(input: ByteReader): Promise<number> {
  for (;;) {
    const object = await readObjectHead(input);
    if (!object) throw damaged("ASF", "the file has no data");
    if (object.guid === DATA_OBJECT) {
      await input.skip(26);
      return Math.max(0, object.bodyBytes - 26);
    }
    await input.skip(object.bodyBytes);
  }
}

/** Puts the chunks of an object back in their order: they were spread so that a lost packet costs a little of each. */
function unspread(bytes: Uint8Array, spread: AsfStream["spread"]): Uint8Array {
  if (!spread || spread.chunkBytes === 0 || bytes.length !== spread.packetBytes * spread.span) return bytes;
  const { span, packetBytes, chunkBytes } = spread;
  const columns = Math.floor(packetBytes / chunkBytes);
  const ordered = new Uint8Array(bytes.length);
  for (let chunk = 0; (chunk + 1) * chunkBytes <= bytes.length; chunk++) {
    const from = (Math.floor(chunk / span) + (chunk % span) * columns) * chunkBytes;
    ordered.set(bytes.subarray(from, from + chunkBytes), chunk * chunkBytes);
  }
  return ordered;
}
