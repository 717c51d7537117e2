import { OpusDecoder } from "opus-decoder";
import { inWaveOrder } from "../mix.ts";
import type { PacketDecoder } from "./packet-decoder.ts";
import { PacketError } from "./packet-decoder.ts";
import { damaged, unsupported } from "../refuse.ts";

/** Opus always decodes at this rate. */
export const OPUS_RATE_HZ = 48_000;

/** What an identification header says: the `OpusHead` of Ogg and WebM, the `dOps` box of MP4. */
export interface OpusHead {
  readonly channelCount: number;
  /** The channels are those of a surround layout (mapping family 1). */
  readonly isSurround: boolean;
  /** Samples at 48 kHz to drop at the start. */
  readonly preSkip: number;
  /** Factor on every sample. */
  readonly gain: number;
  readonly streamCount: number;
  readonly coupledCount: number;
  /** Decoded channel of each output channel; 255 = silence. */
  readonly mapping: readonly number[];
}

/** Parses an `OpusHead` packet (RFC 7845). */
export function parseOpusHead(packet: Uint8Array): OpusHead {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (packet.length < 19 || Buffer.from(packet.subarray(0, 8)).toString("latin1") !== "OpusHead") {
    throw damaged("Opus", "the identification header is broken");
  }
  if (packet[8]! >= 16) throw unsupported("Opus", `version ${packet[8]} of the format is not known`);
  return parseOpusFields(packet.subarray(9), view.getUint16(10, true), view.getInt16(16, true));
}

/** Parses the body of a `dOps` box (its numbers are big-endian). */
export function parseDops(body: Uint8Array): OpusHead {
  if (body.length < 11) throw damaged("Opus", "the dOps box is shorter than 11 bytes");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return parseOpusFields(body.subarray(1), view.getUint16(2), view.getInt16(8));
}

/** A libopus decoder of its own for one stream. */
export async function createOpusCodec(head: OpusHead): Promise<PacketDecoder> {
  const { channelCount, streamCount, coupledCount, mapping, gain } = head;
  const decoder = new OpusDecoder({
    channels: channelCount,
    streamCount,
    coupledStreamCount: coupledCount,
    channelMappingTable: [...mapping],
  });
  await decoder.ready;
  let isLost = false;
  return {
    decode(packet) {
      if (isLost) throw damaged("opus", "the decoder gave up on this audio earlier");
      // Checked here because the library prints what libopus refuses to the console.
      if (opusPacketFrames(packet, streamCount) === undefined || packet.length > MAX_PACKET_BYTES * channelCount) {
        throw new PacketError("the packet breaks the framing rules of RFC 6716");
      }
      try {
        const { channelData, errors } = decoder.decodeFrame(packet);
        if (errors.length > 0) throw new PacketError(errors[0]!.message);
        if (gain !== 1) for (const samples of channelData) for (let i = 0; i < samples.length; i++) samples[i]! *= gain;
        return { sampleRateHz: OPUS_RATE_HZ, channels: head.isSurround ? inWaveOrder(channelData) : channelData };
      } catch (error) {
        if (error instanceof PacketError) throw error;
        isLost = true;
        throw damaged("opus", "the audio cannot be decoded", error);
      }
    },
  };
}

/** Samples at 48 kHz that a packet holds, from its first bytes; undefined when it breaks the rules of RFC 6716. */
export function opusPacketFrames(packet: Uint8Array, streamCount = 1): number | undefined {
  let at = 0;
  let frames: number | undefined;
  for (let stream = 0; stream < streamCount; stream++) {
    const parsed = parseFraming(packet, at, stream < streamCount - 1);
    if (!parsed || (frames !== undefined && parsed.frames !== frames)) return undefined;
    frames = parsed.frames;
    at = parsed.end;
  }
  return frames;
}

// ---

/** The library's input buffer, per channel. */
const MAX_PACKET_BYTES = 3840;
const MAX_FRAME_BYTES = 1275;

function parseOpusFields(body: Uint8Array, preSkip: number, gainQ8: number): OpusHead {
  const channelCount = body[0]!;
  const family = body[9]!;
  const gain = gainQ8 === 0 ? 1 : 10 ** (gainQ8 / 256 / 20);
  if (family === 0) {
    if (channelCount < 1 || channelCount > 2) {
      throw damaged("Opus", `channel mapping family 0 has 1 or 2 channels, got ${channelCount}`);
    }
    const mapping = channelCount === 2 ? [0, 1] : [0];
    return { channelCount, isSurround: false, preSkip, gain, streamCount: 1, coupledCount: channelCount - 1, mapping };
  }
  if (family !== 1 && family !== 2 && family !== 255) {
    throw unsupported("Opus", `channel mapping family ${family} is not supported`);
  }
  const [streamCount = 0, coupledCount = 0, ...mapping] = body.subarray(10, 12 + channelCount);
  const isSound =
    channelCount >= 1 &&
    streamCount >= 1 &&
    coupledCount <= streamCount &&
    streamCount + coupledCount <= 255 &&
    mapping.length === channelCount &&
    mapping.every((index) => index === 255 || index < streamCount + coupledCount);
  if (!isSound) throw damaged("Opus", "the channel mapping table is broken");
  return { channelCount, isSurround: family === 1, preSkip, gain, streamCount, coupledCount, mapping };
}

/** RFC 6716 section 3.2 and its appendix B: one stream's part of a packet. */
function parseFraming(
  packet: Uint8Array,
  start: number,
  isSelfDelimited: boolean,
): { frames: number; end: number } | undefined {
  let at = start;
  const toc = packet[at++];
  if (toc === undefined) return undefined;
  const perFrame = framesOfConfig(toc >> 3);

  function length(): number | undefined {
    const first = packet[at++];
    if (first === undefined || first < 252) return first;
    const second = packet[at++];
    return second === undefined ? undefined : second * 4 + first;
  }

  /** Ends the parse: `sizes` are the frames whose length is said; the last of the others take what is left. */
  function finish(count: number, said: number, unsaid: number, padding: number): typeof result {
    let total = said;
    if (unsaid > 0) {
      let each: number | undefined;
      if (isSelfDelimited) each = length();
      else each = (packet.length - padding - at - said) / unsaid;
      if (each === undefined || each < 0 || each > MAX_FRAME_BYTES || !Number.isInteger(each)) return undefined;
      total += each * unsaid;
    }
    const end = at + total + padding;
    return end > packet.length ? undefined : { frames: count * perFrame, end };
  }
  let result: { frames: number; end: number } | undefined;

  switch (toc & 3) {
    case 0:
      result = finish(1, 0, 1, 0);
      break;
    case 1:
      result = finish(2, 0, 2, 0);
      break;
    case 2: {
      const first = length();
      result = first === undefined ? undefined : finish(2, first, 1, 0);
      break;
    }
    default: {
      const flags = packet[at++];
      if (flags === undefined) return undefined;
      const count = flags & 63;
      if (count < 1 || count * perFrame > 5760) return undefined;
      let padding = 0;
      if (flags & 64) {
        let more: number | undefined;
        do {
          more = packet[at++];
          if (more === undefined) return undefined;
          padding += more === 255 ? 254 : more;
        } while (more === 255);
      }
      if (flags & 128) {
        let said = 0;
        for (let i = 0; i < count - 1; i++) {
          const size = length();
          if (size === undefined) return undefined;
          said += size;
        }
        result = finish(count, said, 1, padding);
      } else {
        result = finish(count, 0, count, padding);
      }
    }
  }
  return result;
}

/** Samples at 48 kHz of one frame of a configuration (RFC 6716, table 2). */
function framesOfConfig(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3]!;
  if (config < 16) return [480, 960][config & 1]!;
  return [120, 240, 480, 960][config & 3]!;
}
