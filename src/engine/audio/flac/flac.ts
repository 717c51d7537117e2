import { crc16, crc8 } from "../input/crc.ts";
import { tagLength } from "../input/frame-scan.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import { createCodec } from "../codec/symphonia.ts";
import type { OpenedAudio } from "../types.ts";

/**
 * Native FLAC. Every frame's checksum is verified.
 *
 * Truncation policy: fewer samples than STREAMINFO counts, or a last frame that is not whole, are `invalid_audio`. A
 * count of 0 (an encoder that wrote to a pipe) means "until the end of the body". A tag after the frames is ignored.
 */
export async function openFlac(input: ByteReader, maxDurationMs: number): Promise<OpenedAudio> {
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
      maxDurationMs,
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
    totalFrames: totalFrames === 0 ? undefined : totalFrames,
  };
}

/** Samples per channel of the frame whose header is at `at`; undefined when there is no header. */
export function parseFrameHeader(bytes: Uint8Array, at: number): { samples: number; headerBytes: number } | undefined {
  if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xfe) !== 0xf8 || at + 6 > bytes.length) return undefined;
  const sizeCode = bytes[at + 2]! >> 4;
  const rateCode = bytes[at + 2]! & 15;
  if (sizeCode === 0 || rateCode === 15 || bytes[at + 3]! >> 4 > 10 || bytes[at + 3]! & 1) return undefined;
  // The frame or sample number is coded like UTF-8, up to 7 bytes.
  let end = at + 4;
  const lead = Math.clz32(~(bytes[end]! << 24));
  if (lead === 1 || lead > 7) return undefined;
  end += Math.max(1, lead);
  let samples = sizeCode === 1 ? 192 : sizeCode < 6 ? 576 << (sizeCode - 2) : 256 << (sizeCode - 8);
  if (sizeCode === 6) samples = bytes[end++]! + 1;
  else if (sizeCode === 7) samples = ((bytes[end++]! << 8) | bytes[end++]!) + 1;
  if (rateCode === 12) end += 1;
  else if (rateCode > 12) end += 2;
  if (end >= bytes.length || crc8(bytes, at, end) !== bytes[end]) return undefined;
  return { samples, headerBytes: end + 1 - at };
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

async function* readFrames(input: ByteReader, info: StreamInfo): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  for (;;) {
    const head = await input.peek(64);
    if (head.length === 0 || tagLength(head) > 0) break;
    const header = parseFrameHeader(head, 0);
    if (!header) {
      if (isMagic(head, 0)) {
        throw unsupported("FLAC", `a second file begins at byte ${input.position}`, "oneByOne");
      }
      // What follows the last promised sample and is no frame is padding.
      if (info.totalFrames !== undefined && endFrame >= info.totalFrames) break;
      throw damaged("FLAC", `the file is damaged at byte ${input.position}`);
    }
    const data = await readFrame(input, maxFrameBytes(info, header.samples));
    endFrame += header.samples;
    yield { data, endFrame };
  }
  if (info.totalFrames !== undefined && endFrame < info.totalFrames) {
    throw truncated(
      "FLAC",
      `the file is truncated, ${info.totalFrames - endFrame} of ${info.totalFrames} samples are missing`,
    );
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

/** Frames carry no length: one ends where its checksum comes out and the next header, or nothing, follows. */
async function readFrame(input: ByteReader, maxBytes: number): Promise<Uint8Array> {
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
      if (crc === 0) return await take(bytes.length);
      throw truncated("FLAC", `the file is truncated or damaged after byte ${input.position}`);
    }
    if (wanted > maxBytes) {
      throw damaged("FLAC", `the file is damaged after byte ${input.position}`);
    }
    window *= 2;
  }

  async function take(count: number): Promise<Uint8Array> {
    return (await input.read(count)).slice();
  }
}
