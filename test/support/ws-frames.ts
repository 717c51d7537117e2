/** A client's frame by hand: for byte streams that no client library would send. */
export function clientFrame(opcode: number, payload: Uint8Array, options: { fin?: boolean } = {}): Buffer {
  return rawFrame(opcode, payload, options);
}

/** A frame with any bits set, masked or not. */
export function rawFrame(
  opcode: number,
  payload: Uint8Array = new Uint8Array(),
  { fin = true, rsv = 0, masked = true }: { fin?: boolean; rsv?: number; masked?: boolean } = {},
): Buffer {
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  const size = payload.length;
  const maskBit = masked ? 0x80 : 0;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = maskBit | (size < 126 ? size : size < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(size, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(size), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const bytes = Buffer.from(payload);
  for (let n = 0; n < bytes.length; n++) bytes[n] = bytes[n]! ^ mask[n % 4]!; // both in range
  return Buffer.concat([head, mask, bytes]);
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

/** Returns the code of a Close frame. */
export function closeCodeOf(payload: Buffer): number {
  return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
}

/** Whether the server may close with this code: one of its own, or the echo of a client's Close, which has any valid code. */
export function mayCloseWith(code: number): boolean {
  const own = [1000, 1001, 1002, 1005, 1007, 1008, 1009, 1013];
  const echoed = [1003, 1010, 1011, 1012, 1014];
  return code >= 3000 || own.includes(code) || echoed.includes(code);
}

export const UPGRADE: string =
  "GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
