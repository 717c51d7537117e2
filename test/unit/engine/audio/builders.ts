import { crc16, crc32Ogg, crc8 } from "../../../../src/engine/audio/input/crc.ts";
import { concat, u16, u32 } from "./helpers.ts";

export interface PageOptions {
  readonly serial?: number;
  readonly sequence: number;
  readonly granule: number;
  readonly isFirst?: boolean;
  readonly isLast?: boolean;
  readonly packets: readonly Uint8Array[];
}

/** An Ogg page with whole packets of at most 254 bytes each. */
export function oggPage({ serial = 1, sequence, granule, isFirst, isLast, packets }: PageOptions): Uint8Array {
  const page = concat(
    "OggS\0",
    Uint8Array.of((isFirst ? 2 : 0) | (isLast ? 4 : 0)),
    u32(granule % 2 ** 32),
    u32(Math.floor(granule / 2 ** 32)),
    u32(serial),
    u32(sequence),
    u32(0),
    Uint8Array.of(packets.length, ...packets.map((packet) => packet.length)),
    ...packets,
  );
  new DataView(page.buffer).setUint32(22, crc32Ogg(page), true);
  return page;
}

export function opusHead(channelCount = 1, preSkip = 312): Uint8Array {
  return concat("OpusHead", Uint8Array.of(1, channelCount), u16(preSkip), u32(48_000), u16(0), Uint8Array.of(0));
}

export function opusTags(): Uint8Array {
  return concat("OpusTags", u32(0), u32(0));
}

export interface FlacOptions {
  readonly sampleRateHz: number;
  readonly frameCount: number;
  /** Declared total; 0 = unknown. */
  readonly total?: number;
}

/** FLAC of silence: 65 535 samples in 16 bytes or so. */
export function silentFlac({ sampleRateHz, frameCount, total = 0 }: FlacOptions): Uint8Array {
  const info = new Uint8Array(34);
  const view = new DataView(info.buffer);
  view.setUint16(0, 65_535);
  view.setUint16(2, 65_535);
  view.setUint32(10, ((sampleRateHz << 12) | (0 << 9) | (15 << 4) | Math.floor(total / 2 ** 32)) >>> 0);
  view.setUint32(14, total % 2 ** 32);
  const frames = Array.from({ length: frameCount }, (_, i) => silentFrame(i));
  return concat("fLaC", Uint8Array.of(0x80, 0, 0, 34), info, ...frames);
}

// ---

function silentFrame(number: number): Uint8Array {
  // Frame numbers are coded like UTF-8.
  const coded =
    number < 0x80
      ? [number]
      : number < 0x800
        ? [0xc0 | (number >> 6), 0x80 | (number & 63)]
        : [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63)];
  const header = Uint8Array.of(0xff, 0xf8, 0x70, 0x08, ...coded, 0xff, 0xfe);
  // One constant subframe of 16 bits.
  const body = concat(header, Uint8Array.of(crc8(header, 0, header.length), 0, 0, 0));
  const crc = crc16(body, 0, body.length, 0);
  return concat(body, Uint8Array.of(crc >> 8, crc & 255));
}
