import { crc16, crc32Ogg } from "../../../../src/engine/audio/input/crc.ts";
import { parseFrameHeader } from "../../../../src/engine/audio/flac/flac.ts";

/** A small generator with a seed, so that a failing case can be made again. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One to four random changes: flips, cuts, inserts, copies, zeroed ranges and attacks on length fields. */
export function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const span = 1 + random(random(8) === 0 ? bytes.length + 1 : 64);
    switch (random(9)) {
      case 0:
      case 1:
        for (let i = random(12); i >= 0 && bytes.length > 0; i--) bytes[random(bytes.length)]! ^= 1 << random(8);
        break;
      case 2:
        // Headers are where the traps are.
        if (bytes.length > 0) bytes[random(Math.min(bytes.length, 200))] = random(256);
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), randomBytes(span, random), bytes.subarray(at)]);
        break;
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at + span), bytes.subarray(at)]);
        break;
      case 7:
        bytes.fill(random(2) * 255, at, Math.min(bytes.length, at + span));
        break;
      default:
        if (bytes.length >= 8) attackLength(bytes, random);
    }
    bytes = Buffer.from(bytes);
  }
  return new Uint8Array(bytes);
}

/** Puts right the checksums of all Ogg pages, so that a change reaches what lies behind them. */
export function repairOgg(bytes: Uint8Array): Uint8Array {
  const repaired = bytes.slice();
  const view = new DataView(repaired.buffer);
  for (let at = 0; at + 27 <= repaired.length; at++) {
    if (Buffer.from(repaired.subarray(at, at + 4)).toString("latin1") !== "OggS") continue;
    const segments = repaired.subarray(at + 27, at + 27 + repaired[at + 26]!);
    const end = at + 27 + segments.length + segments.reduce((sum, length) => sum + length, 0);
    if (end > repaired.length) continue;
    view.setUint32(at + 22, 0);
    view.setUint32(at + 22, crc32Ogg(repaired.subarray(at, end)), true);
  }
  return repaired;
}

/** Puts right the checksums of the frames that are where they were in the original. */
export function repairFlac(bytes: Uint8Array, original: Uint8Array): Uint8Array {
  const starts: number[] = [];
  for (let at = 42; at < original.length; at++) if (parseFrameHeader(original, at)) starts.push(at);
  const repaired = bytes.slice();
  for (const [i, start] of starts.entries()) {
    const end = starts[i + 1] ?? original.length;
    if (end > repaired.length) break;
    const crc = crc16(repaired, start, end - 2, 0);
    repaired[end - 2] = crc >> 8;
    repaired[end - 1] = crc & 255;
  }
  return repaired;
}

// ---

const EXTREMES = [0, 1, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1_000_000_000, 0xfffffff8];

function attackLength(bytes: Buffer, random: (below: number) => number): void {
  const at = random(2) ? random(bytes.length - 4) : random(Math.min(bytes.length - 4, 300));
  const value = EXTREMES[random(EXTREMES.length)]!;
  switch (random(4)) {
    case 0:
      bytes.writeUInt32LE(value, at);
      break;
    case 1:
      bytes.writeUInt32BE(value, at);
      break;
    case 2:
      bytes.writeUInt16LE(value & 0xffff, at);
      break;
    default:
      bytes.writeUInt16BE(value & 0xffff, at);
  }
}

function randomBytes(count: number, random: (below: number) => number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) bytes[i] = random(256);
  return bytes;
}
