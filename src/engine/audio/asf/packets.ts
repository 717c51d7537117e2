import { damaged } from "../refuse.ts";

/** Part of a media object, as a packet carries it. */
export interface AsfPayload {
  readonly stream: number;
  /** Of the media object. */
  readonly objectNumber: number;
  readonly offset: number;
  /** Of the whole media object. */
  readonly objectBytes: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
}

/** The payloads of a data packet (ASF specification, 5.2). Throws where the packet is cut short or contradicts itself. */
export function* parseAsfPacket(packet: Uint8Array): Generator<AsfPayload, void, undefined> {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let at = 0;
  /** A field of 0, 1, 2 or 4 bytes. */
  function field(kind: number): number {
    const width = [0, 1, 2, 4][kind & 3]!;
    if (at + width > packet.length) throw damaged("ASF", "a packet is cut short");
    at += width;
    if (width === 0) return 0;
    return width === 1
      ? view.getUint8(at - 1)
      : width === 2
        ? view.getUint16(at - 2, true)
        : view.getUint32(at - 4, true);
  }
  function take(count: number): Uint8Array {
    if (at + count > packet.length) throw damaged("ASF", "a payload is longer than its packet");
    at += count;
    return packet.subarray(at - count, at);
  }

  if (packet[0]! & 0x80) take(1 + (packet[0]! & 15));
  const lengthFlags = field(1);
  const property = field(1);
  const packetBytes = field(lengthFlags >> 5);
  field(lengthFlags >> 1);
  const paddingBytes = field(lengthFlags >> 3);
  const sendTimeMs = field(3);
  field(2);
  // A packet may be shorter than all others; the rest of it is padding as well.
  const end = (packetBytes > 0 && packetBytes < packet.length ? packetBytes : packet.length) - paddingBytes;
  const isMany = (lengthFlags & 1) !== 0;
  const manyFlags = isMany ? field(1) : 1;
  for (let left = manyFlags & 63; left > 0; left--) {
    const stream = field(1) & 127;
    const objectNumber = field(property >> 4);
    const offset = field(property >> 2);
    const replicatedBytes = field(property);
    const replicated = replicatedBytes > 1 ? take(replicatedBytes) : undefined;
    const deltaMs = replicatedBytes === 1 ? field(1) : 0;
    const data = take(isMany ? field(manyFlags >> 6) : Math.max(0, end - at));
    if (replicatedBytes === 1) {
      // Small objects one after the other, each behind its length; the offset field is their time.
      for (let from = 0, i = 0; from < data.length; i++) {
        const part = data.subarray(from + 1, from + 1 + data[from]!);
        yield {
          stream,
          objectNumber: objectNumber + i,
          offset: 0,
          objectBytes: part.length,
          timeMs: offset + i * deltaMs,
          data: part,
        };
        from += 1 + part.length;
      }
      continue;
    }
    const known =
      replicated && replicated.length >= 8 ? new DataView(replicated.buffer, replicated.byteOffset, 8) : undefined;
    yield {
      stream,
      objectNumber,
      offset,
      objectBytes: known?.getUint32(0, true) ?? data.length,
      timeMs: known?.getUint32(4, true) ?? sendTimeMs,
      data,
    };
  }
}
