import { crc16, crc8 } from "../input/crc.ts";
import { tagLength } from "../input/frame-scan.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated } from "../refuse.ts";
import { createCodec } from "../codec/symphonia.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/**
 * Native FLAC. Every frame's checksum is verified.
 *
 * Fewer samples than STREAMINFO counts, or a last frame that is not whole, are a truncated file. A count of 0 (an encoder
 * that wrote to a pipe) means "until the end of the body". A tag after the frames is ignored.
 */
export async function openFlac(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  await input.skip(4);
  const streamInfo = await readMetadata(input);
  const info = parseStreamInfo(streamInfo);
  return {
    format: "flac",
    sampleRateHz: info.sampleRateHz,
    channelCount: info.channelCount,
    totalFrames: info.totalFrames,
    blocks: decodePackets({
      container: "FLAC",
      sampleRateHz: info.sampleRateHz,
      channelCount: info.channelCount,
      isSurround: true,
      context,
      packets: readFrames(input, info),
      createDecoder: () => createCodec({ codec: "flac", privateData: streamInfo }),
    }),
  };
}

export interface StreamInfo {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly bitsPerSample: number;
  readonly maxBlockFrames: number;
  /** undefined when the encoder did not know. */
  readonly totalFrames: number | undefined;
}

/** Parses the 34 bytes of a STREAMINFO block. */
export function parseStreamInfo(bytes: Uint8Array): StreamInfo {
  if (bytes.length < 34) throw damaged("FLAC", "the STREAMINFO block is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed = view.getUint32(10);
  const totalFrames = (view.getUint8(13) & 15) * 2 ** 32 + view.getUint32(14);
  return {
    sampleRateHz: packed >>> 12,
    channelCount: ((packed >>> 9) & 7) + 1,
    bitsPerSample: ((packed >>> 4) & 31) + 1,
    maxBlockFrames: view.getUint16(2),
    totalFrames: totalFrames === 0 || totalFrames === 2 ** 36 - 1 ? undefined : totalFrames,
  };
}

export interface FrameHeader {
  /** Per channel. */
  readonly samples: number;
  readonly headerBytes: number;
  /** Number of the frame, or of its first sample where `isSampleNumber`. */
  readonly number: number;
  readonly isSampleNumber: boolean;
}

/** The header of the frame at `at`; undefined when there is none. */
export function parseFrameHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xfe) !== 0xf8 || at + 6 > bytes.length) return undefined;
  const sizeCode = bytes[at + 2]! >> 4;
  const rateCode = bytes[at + 2]! & 15;
  if (sizeCode === 0 || rateCode === 15 || bytes[at + 3]! >> 4 > 10 || bytes[at + 3]! & 1) return undefined;
  // The frame or sample number is coded like UTF-8, up to 7 bytes.
  let end = at + 4;
  const lead = Math.clz32(~(bytes[end]! << 24));
  if (lead === 1 || lead > 7) return undefined;
  let number = lead === 0 ? bytes[end]! : bytes[end]! & (0x7f >> lead);
  for (let i = 1; i < lead; i++) number = number * 64 + (bytes[end + i]! & 0x3f);
  end += Math.max(1, lead);
  let samples = sizeCode === 1 ? 192 : sizeCode < 6 ? 576 << (sizeCode - 2) : 256 << (sizeCode - 8);
  if (sizeCode === 6) samples = bytes[end++]! + 1;
  else if (sizeCode === 7) samples = ((bytes[end++]! << 8) | bytes[end++]!) + 1;
  if (rateCode === 12) end += 1;
  else if (rateCode > 12) end += 2;
  if (end >= bytes.length || crc8(bytes, at, end) !== bytes[end]) return undefined;
  return { samples, headerBytes: end + 1 - at, number, isSampleNumber: (bytes[at + 1]! & 1) === 1 };
}

// ---

async function readMetadata(input: ByteReader): Promise<Uint8Array> {
  let streamInfo: Uint8Array | undefined;
  for (;;) {
    const [kind, a, b, c] = await input.read(4);
    if (kind === undefined || a === undefined || b === undefined || c === undefined) {
      throw truncated("FLAC", "the file ends inside its metadata");
    }
    const length = (a << 16) | (b << 8) | c;
    const isStreamInfo = (kind & 0x7f) === 0;
    if (isStreamInfo !== (streamInfo === undefined)) {
      throw damaged("FLAC", "the first metadata block, and no other, must be STREAMINFO");
    }
    if (isStreamInfo) {
      if (length !== 34) throw damaged("FLAC", `STREAMINFO must be 34 bytes, got ${length}`);
      streamInfo = (await input.read(34)).slice();
    } else if ((await input.skip(length)) < length) {
      throw truncated("FLAC", "the file ends inside its metadata");
    }
    if (kind & 0x80) return streamInfo!;
  }
}

/**
 * The frames in order. A frame whose checksum is wrong is skipped, and a damaged packet stands for its samples: the numbers
 * in the headers after it say how many were lost.
 */
async function* readFrames(input: ByteReader, info: StreamInfo): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  /** Position of the first frame in its stream: not 0 in a capture that began in the middle. */
  let base: number | undefined;
  for (;;) {
    const head = await input.peek(64);
    if (head.length === 0 || tagLength(head) > 0) break;
    const header = parseFrameHeader(head, 0);
    const start =
      header && (header.isSampleNumber ? header.number : header.number * (info.maxBlockFrames || header.samples));
    base ??= start;
    const data = header && (await readFrame(input, maxFrameBytes(info, header.samples)));
    if (header && data && start !== undefined && base !== undefined) {
      const lost = start - base - endFrame;
      if (lost > 0 && lost <= MAX_LOST_S * info.sampleRateHz) {
        endFrame += lost;
        yield { data: NOTHING, endFrame, isDamaged: true };
      }
      endFrame += header.samples;
      yield { data, endFrame };
      continue;
    }
    // Another file, which is read after this one.
    if (isMagic(head, 0)) break;
    // What follows the last promised sample and is not a frame is padding.
    if (info.totalFrames !== undefined && endFrame >= info.totalFrames) break;
    const at = input.position;
    if (!(await skipToFrame(input))) {
      if (endFrame === 0) throw damaged("FLAC", `the file is damaged at byte ${at}`);
      throw truncated("FLAC", `the file is truncated or damaged after byte ${at}`);
    }
  }
  if (info.totalFrames !== undefined && endFrame < info.totalFrames) {
    throw truncated(
      "FLAC",
      `the file is truncated, ${info.totalFrames - endFrame} of ${info.totalFrames} samples are missing`,
    );
  }
}

/** More silence than this is never put in for lost frames: the number itself may be damaged. */
const MAX_LOST_S = 10;
const NOTHING = new Uint8Array(0);
const SEARCH_BYTES = 65_536;

/** Consumes up to the next header or file magic behind the present byte; false at the end of the input. */
async function skipToFrame(input: ByteReader): Promise<boolean> {
  await input.skip(1);
  for (;;) {
    const bytes = await input.peek(SEARCH_BYTES);
    for (let at = 0; at + 17 <= bytes.length; at++) {
      if (bytes[at] === 0xff ? parseFrameHeader(bytes, at) : bytes[at] === 0x66 && isMagic(bytes, at)) {
        await input.skip(at);
        return true;
      }
    }
    if (bytes.length < SEARCH_BYTES) return false;
    await input.skip(SEARCH_BYTES - 17);
  }
}

/** The start of the next frame, of a tag or of another file. */
function isBoundary(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  if (byte === 0xff) return parseFrameHeader(bytes, at) !== undefined;
  if (byte === 0x66) return isMagic(bytes, at);
  return (byte === 0x54 || byte === 0x49 || byte === 0x41) && tagLength(bytes.subarray(at)) > 0;
}

function isMagic(bytes: Uint8Array, at: number): boolean {
  return Buffer.from(bytes.subarray(at, at + 4)).toString("latin1") === "fLaC";
}

/** Raw samples with the widest side channel, and room for headers. */
function maxFrameBytes(info: StreamInfo, samples: number): number {
  return 64 + info.channelCount * (16 + Math.ceil((samples * (info.bitsPerSample + 1)) / 8));
}

/** Frames carry no length: one ends where its checksum comes out and the next header, or nothing, follows. undefined = none does. */
async function readFrame(input: ByteReader, maxBytes: number): Promise<Uint8Array | undefined> {
  let window = 16_384;
  let done = 2;
  let crc = 0;
  let isStarted = false;
  for (;;) {
    const wanted = Math.min(window, maxBytes + 64);
    const bytes = await input.peek(wanted);
    const isWhole = bytes.length < wanted;
    if (!isStarted) {
      crc = crc16(bytes, 0, Math.min(2, bytes.length), 0);
      isStarted = true;
    }
    for (; done < bytes.length; done++) {
      // A header needs up to 17 bytes, a tag up to 32: near the end of the window more are fetched first.
      if (!isWhole && done + 32 > bytes.length) break;
      if (crc === 0 && isBoundary(bytes, done)) return await take(done);
      crc = crc16(bytes, done, done + 1, crc);
    }
    if (isWhole) {
      return crc === 0 ? await take(bytes.length) : undefined;
    }
    if (wanted > maxBytes) return undefined;
    window *= 2;
  }

  async function take(count: number): Promise<Uint8Array> {
    return (await input.read(count)).slice();
  }
}
