import type { PacketDecoder } from "./packet-decoder.ts";
import { damaged } from "../refuse.ts";
import { createCodec } from "./symphonia.ts";
import { readXiphLace } from "./xiph-lace.ts";

export interface VorbisHead {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Short and long block, in samples. */
  readonly blockFrames: readonly [number, number];
  /** The packet itself. */
  readonly identification: Uint8Array;
}

/** Parses the identification header packet. */
export function parseVorbisHead(packet: Uint8Array): VorbisHead {
  if (packet.length < 30 || Buffer.from(packet.subarray(0, 7)).toString("latin1") !== "\x01vorbis") {
    throw damaged("Vorbis", "the identification header is broken");
  }
  const identification = packet.slice();
  return {
    sampleRateHz: new DataView(identification.buffer).getUint32(12, true),
    channelCount: identification[11]!,
    blockFrames: [2 ** (identification[28]! & 15), 2 ** (identification[28]! >> 4)],
    identification,
  };
}

/** A decoder for one stream. `setup` is the third header packet. */
export async function createVorbisCodec(head: VorbisHead, setup: Uint8Array | undefined): Promise<PacketDecoder> {
  if (!setup || !isSetup(setup)) throw damaged("Vorbis", "the setup header is missing");
  const privateData = new Uint8Array(Buffer.concat([head.identification, setup]));
  // Symphonia has put the channels in the order of WAVE.
  return await createCodec({ codec: "vorbis", privateData });
}

/** The three header packets of Vorbis as Matroska and MP4 store them: their number less one, two lengths, the packets. */
export function splitVorbisHeaders(bytes: Uint8Array): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const first = readXiphLace(bytes, 1);
  const comment = readXiphLace(bytes, first.end);
  const second = comment.end + first.size;
  const third = second + comment.size;
  if (bytes[0] !== 2 || third >= bytes.length) throw damaged("Vorbis", "the headers are broken");
  return [bytes.subarray(comment.end, second), bytes.subarray(second, third), bytes.subarray(third)];
}

/** Counts the samples of packets by their block sizes alone; the order of the packets matters. */
export function createVorbisCounter(head: VorbisHead, setup: Uint8Array | undefined): (packet: Uint8Array) => number {
  const isLong = setup && isSetup(setup) ? readModes(setup) : [];
  const modeBits = isLong.length > 1 ? 32 - Math.clz32(isLong.length - 1) : 0;
  let previous = 0;
  return (packet) => {
    const first = packet[0];
    if (first === undefined || (first & 1) !== 0) return 0;
    const mode = (first >> 1) & (2 ** modeBits - 1);
    const block = head.blockFrames[isLong[mode] ? 1 : 0];
    const frames = previous === 0 ? 0 : (previous + block) / 4;
    previous = block;
    return frames;
  };
}

// ---

function isSetup(packet: Uint8Array): boolean {
  return Buffer.from(packet.subarray(0, 7)).toString("latin1") === "\x05vorbis";
}

/** One mode: block flag, window type, transform type (both 0) and mapping. */
const MODE_BITS = 1 + 16 + 16 + 8;

/**
 * The block flag of each mode. The modes are the last thing in the header and what lies before them needs the whole
 * codec to parse, so they are found from the end: as many as the 6-bit count in front of them says.
 */
function readModes(setup: Uint8Array): boolean[] {
  const bits = (at: number, count: number): number => {
    let value = 0;
    for (let i = count - 1; i >= 0; i--) value = value * 2 + ((setup[(at + i) >> 3]! >> ((at + i) & 7)) & 1);
    return value;
  };
  let end = setup.length * 8 - 1;
  while (end > 0 && bits(end, 1) === 0) end--;
  let count = 0;
  for (let candidate = 1; candidate <= 64; candidate++) {
    const start = end - candidate * MODE_BITS;
    if (start < 64 || bits(start + 1, 32) !== 0 || bits(start + 33, 8) > 63) break;
    if (bits(start - 6, 6) + 1 === candidate) count = candidate;
  }
  return Array.from({ length: count }, (_, mode) => bits(end - (count - mode) * MODE_BITS, 1) === 1);
}
