/** WebSocket frames by hand: for byte streams that no client library would send. */
export function clientFrame(opcode: number, payload: Uint8Array, options: { fin?: boolean } = {}): Buffer {
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  const first = (options.fin === false ? 0 : 0x80) | opcode;
  const size = payload.length;
  const head =
    size < 126
      ? Buffer.from([first, 0x80 | size])
      : size < 65_536
        ? Buffer.from([first, 0x80 | 126, size >> 8, size & 0xff])
        : Buffer.from([
            first,
            0x80 | 127,
            0,
            0,
            0,
            0,
            size >>> 24,
            (size >> 16) & 0xff,
            (size >> 8) & 0xff,
            size & 0xff,
          ]);
  const masked = Buffer.from(payload);
  for (let n = 0; n < masked.length; n++) masked[n] = masked[n]! ^ mask[n % 4]!; // both in range
  return Buffer.concat([head, mask, masked]);
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Frames of a server's byte stream (unmasked, unfragmented); undefined when the stream is anything else. An incomplete last frame is left out. */
export function serverFrames(bytes: Buffer): ServerFrame[] | undefined {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const first = bytes[at]!; // in range
    const second = bytes[at + 1]!; // in range
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0) return undefined;
    let size = second & 0x7f;
    let start = at + 2;
    if (size === 126) {
      if (start + 2 > bytes.length) break;
      size = bytes.readUInt16BE(start);
      start += 2;
    } else if (size === 127) {
      if (start + 8 > bytes.length) break;
      size = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (start + size > bytes.length) break;
    frames.push({ opcode: first & 0x0f, payload: bytes.subarray(start, start + size) });
    at = start + size;
  }
  return frames;
}

export const UPGRADE: string =
  "GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
