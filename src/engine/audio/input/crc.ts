/** CRC-8 of FLAC frame headers: polynomial x^8 + x^2 + x + 1, start 0. */
export function crc8(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) crc = TABLE_8[crc ^ bytes[i]!]!;
  return crc;
}

/** CRC-16 of FLAC frames, continued from `crc`: polynomial x^16 + x^15 + x^2 + 1. A frame with its footer gives 0. */
export function crc16(bytes: Uint8Array, from: number, to: number, crc: number): number {
  let value = crc;
  for (let i = from; i < to; i++) value = ((value << 8) & 0xffff) ^ TABLE_16[(value >> 8) ^ bytes[i]!]!;
  return value;
}

/** CRC-32 of Ogg pages (not reflected, start 0), continued from `crc`. */
export function crc32Ogg(bytes: Uint8Array, crc = 0): number {
  let value = crc;
  for (let i = 0; i < bytes.length; i++) value = ((value << 8) ^ TABLE_32[(value >>> 24) ^ bytes[i]!]!) | 0;
  return value >>> 0;
}

// ---

function table(bits: number, polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = (byte << (bits - 8)) >>> 0;
    for (let i = 0; i < 8; i++) {
      const isSet = (value >>> (bits - 1)) & 1;
      value = ((value << 1) ^ (isSet ? polynomial : 0)) >>> 0;
      if (bits < 32) value &= 2 ** bits - 1;
    }
    return value;
  });
}

const TABLE_8 = table(8, 0x07);
const TABLE_16 = table(16, 0x8005);
const TABLE_32 = table(32, 0x04c11db7);
