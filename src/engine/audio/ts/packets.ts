import type { ByteReader } from "../input/byte-reader.ts";
import { damaged } from "../refuse.ts";
import type { OpenContext } from "../types.ts";

/** One packet of a transport stream that carries something. */
export interface TsPacket {
  readonly pid: number;
  /** A PES packet or a section begins here. */
  readonly isStart: boolean;
  readonly isScrambled: boolean;
  /** A view, valid until the next packet is read. */
  readonly payload: Uint8Array;
}

export interface TsShape {
  /** Bytes from packet to packet: 192 with a time stamp in front (cameras), 204 with a checksum behind. */
  readonly stride: number;
  /** Where the packet itself begins. */
  readonly offset: number;
}

const SHAPES: readonly TsShape[] = [
  { stride: 188, offset: 0 },
  { stride: 192, offset: 4 },
  { stride: 204, offset: 0 },
];
const SYNC = 0x47;
const PACKET_BYTES = 188;
/** So many sync bytes at their distance do not happen by accident. */
const CHAIN = 4;
const MAX_JUNK_BYTES = 65_536;

/** The shape of a transport stream that begins at `at`; undefined when none does. */
export function tsShapeAt(head: Uint8Array, at: number): TsShape | undefined {
  return SHAPES.find(({ stride, offset }) => {
    for (let i = 0; i < CHAIN; i++) if (head[at + offset + i * stride] !== SYNC) return false;
    return true;
  });
}

/** Distance to the first packet of a stream that was cut out of another; undefined when there is none. */
export function findTransportStream(head: Uint8Array): number | undefined {
  for (let at = 0; at < 204; at++) if (tsShapeAt(head, at)) return at;
  return undefined;
}

/** Packets in the order of the file. Bytes that are not a packet are left out, with a warning. */
export async function* readTsPackets(
  input: ByteReader,
  context: OpenContext,
): AsyncGenerator<TsPacket, void, undefined> {
  let shape: TsShape = SHAPES[0]!;
  let isInSync = false;
  let junk = 0;
  let hasPacket = false;
  const last = new Map<number, Buffer>();
  for (;;) {
    const head = await input.peek(isInSync ? shape.offset + PACKET_BYTES : (CHAIN + 1) * 204);
    if (head.length < shape.offset + PACKET_BYTES) return;
    if (head[shape.offset] !== SYNC || !isInSync) {
      const found = tsShapeAt(head, 0);
      if (!found) {
        isInSync = false;
        junk++;
        if (junk > MAX_JUNK_BYTES) throw damaged("MPEG-TS", `more than ${MAX_JUNK_BYTES} bytes are not packets`);
        await input.skip(1);
        continue;
      }
      shape = found;
      isInSync = true;
      if (junk > 0 && hasPacket) context.warn("damaged", "MPEG-TS: bytes that are not packets were left out");
      junk = 0;
      hasPacket = true;
    }
    const whole = await input.read(shape.offset + PACKET_BYTES);
    const packet = whole.subarray(shape.offset);
    const flags = packet[3]!;
    const bodyAt = 4 + (flags & 0x20 ? 1 + packet[4]! : 0);
    const pid = ((packet[1]! & 0x1f) << 8) | packet[2]!;
    if (flags & 0x10 && bodyAt < PACKET_BYTES && !(packet[1]! & 0x80) && !isTwice(pid, packet)) {
      yield {
        pid,
        isStart: (packet[1]! & 0x40) !== 0,
        isScrambled: (flags & 0xc0) !== 0,
        payload: packet.subarray(bodyAt),
      };
    }
    await input.skip(shape.stride - shape.offset - PACKET_BYTES);
  }

  /** A sender may send each packet twice, with one number. */
  function isTwice(pid: number, packet: Uint8Array): boolean {
    const known = last.get(pid);
    if (known?.equals(packet)) return true;
    if (known) known.set(packet);
    else last.set(pid, Buffer.from(packet));
    return false;
  }
}
