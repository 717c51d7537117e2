import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import { PacketError, type DecodedPacket, type PacketDecoder } from "../codec/packet-decoder.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/** Adaptive Multi-Rate speech, as phones and voice messages have it: always mono, 20 ms a frame. */
export interface AmrKind {
  readonly codec: "AMR-NB" | "AMR-WB";
  readonly sampleRateHz: number;
  /** Samples of a frame. */
  readonly frames: number;
  /** Bytes behind the first one of a frame, by frame type; undefined = not assigned. */
  readonly sizes: readonly (number | undefined)[];
  /** Frame types from here on are comfort noise and lost frames. */
  readonly silentFrom: number;
}

const NONE = undefined;
export const AMR_NB: AmrKind = {
  codec: "AMR-NB",
  sampleRateHz: 8000,
  frames: 160,
  sizes: [12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, NONE, NONE, NONE, 0],
  silentFrom: 8,
};
export const AMR_WB: AmrKind = {
  codec: "AMR-WB",
  sampleRateHz: 16_000,
  frames: 320,
  sizes: [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, NONE, NONE, NONE, NONE, 0, 0],
  silentFrom: 9,
};

/** A file of AMR frames (RFC 4867) with one channel. */
export async function openAmr(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const magic = Buffer.from(await input.peek(12)).toString("latin1");
  if (/^#!AMR(?:-WB)?_MC/.test(magic)) throw unsupported("AMR", "several channels are not supported", "convert");
  const kind = magic.startsWith("#!AMR-WB\n") ? AMR_WB : AMR_NB;
  await input.skip(kind === AMR_WB ? 9 : 6);
  return {
    format: kind.codec.toLowerCase(),
    sampleRateHz: kind.sampleRateHz,
    channelCount: 1,
    totalFrames: undefined,
    blocks: decodePackets({
      container: kind.codec,
      sampleRateHz: kind.sampleRateHz,
      channelCount: 1,
      context,
      packets: readFrames(input, kind, context),
      createDecoder: () => createAmrDecoder(kind),
      concealFrames: kind.frames,
    }),
  };
}

/** A decoder for packets of one or more frames. Pauses, which a sender describes or leaves out, become silence. */
export async function createAmrDecoder(kind: AmrKind): Promise<PacketDecoder> {
  const { codec, sampleRateHz, frames } = kind;
  const decoder = await createFfmpegCodec({ codec, sampleRateHz, channelCount: 1 });
  function decodeFrame(frame: Uint8Array): Float32Array {
    if (typeOf(frame[0]!) >= kind.silentFrom) return new Float32Array(frames);
    return decoder.decode(frame).channels[0] ?? new Float32Array(0);
  }
  return {
    decode(packet): DecodedPacket {
      const parts = splitFrames(packet, kind).map(decodeFrame);
      if (parts.length === 0) throw new PacketError("the packet has no frame");
      const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return { sampleRateHz, channels: [whole] };
    },
  };
}

/** Samples of a packet, by the headers of its frames. */
export function amrPacketFrames(packet: Uint8Array, kind: AmrKind): number {
  return splitFrames(packet, kind).length * kind.frames;
}

// ---

const MAGIC = Buffer.from("#!AMR");
/** A torn file finds its frames again within so many bytes. */
const MAX_JUNK_BYTES = 65_536;

function typeOf(head: number): number {
  return (head >> 3) & 15;
}

/** Bytes of the frame that begins with `head`; undefined when none does: its other bits are zero. */
function frameBytesOf(head: number, kind: AmrKind): number | undefined {
  const size = (head & 0x83) === 0 ? kind.sizes[typeOf(head)] : undefined;
  return size === undefined ? undefined : size + 1;
}

/** The whole frames of a packet. */
function splitFrames(packet: Uint8Array, kind: AmrKind): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < packet.length;) {
    const length = frameBytesOf(packet[at]!, kind);
    if (length === undefined || at + length > packet.length) break;
    frames.push(packet.subarray(at, at + length));
    at += length;
  }
  return frames;
}

async function* readFrames(
  input: ByteReader,
  kind: AmrKind,
  context: OpenContext,
): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  let junk = 0;
  for (let head = await input.peek(1); head.length > 0; head = await input.peek(1)) {
    // Another file begins: no frame starts with its first byte.
    if (head[0] === MAGIC[0] && Buffer.compare(await input.peek(MAGIC.length), MAGIC) === 0) return;
    const length = frameBytesOf(head[0]!, kind);
    if (length === undefined || (junk > 0 && !(await isFollowed(input, length, kind)))) {
      junk++;
      if (junk > MAX_JUNK_BYTES && endFrame === 0)
        throw damaged(kind.codec, `more than ${MAX_JUNK_BYTES} bytes are not frames`);
      await input.skip(1);
      continue;
    }
    const data = (await input.read(length)).slice();
    if (data.length < length) {
      context.warn("truncated", `${kind.codec}: the file ends inside a frame`);
      return;
    }
    if (junk > 0) context.warn("damaged", `${kind.codec}: bytes that are not frames were left out`);
    junk = 0;
    endFrame += kind.frames;
    yield { data, endFrame };
  }
}

/** Behind junk a frame counts when three others follow it. */
async function isFollowed(input: ByteReader, length: number, kind: AmrKind): Promise<boolean> {
  let at = length;
  for (let i = 0; i < 3; i++) {
    const head = (await input.peek(at + 1))[at];
    if (head === undefined) return true;
    const next = frameBytesOf(head, kind);
    if (next === undefined) return false;
    at += next;
  }
  return true;
}
