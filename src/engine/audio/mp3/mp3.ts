import type { FrameHeader, ScannedFrame } from "../input/frame-scan.ts";
import { createFrameSource, type FrameSource } from "../input/frame-scan.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged } from "../refuse.ts";
import { createCodec } from "../codec/symphonia.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "../types.ts";

/**
 * MPEG-1, 2 and 2.5 audio, layers II and III, as a bare stream of frames with or without tags. Files that were joined are
 * decoded one after the other, whatever their rates and channel counts.
 *
 * The decoder's delay is taken out, the encoder's delay and padding too when a LAME or Lavc header says them. A cut last
 * frame is dropped; when the Xing header counts more frames than came, the file is truncated.
 */
export async function openMp3(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const frames = createFrameSource(input, { container: "MP3", headerBytes: 4, parse: parseMpegHeader }, context);
  const first = await openLink(frames);
  if (!first) throw damaged("MP3", "no audio frame was found");
  const { header, trim } = first;
  return {
    format: header.layer === 2 ? "mp2" : "mp3",
    sampleRateHz: header.sampleRateHz,
    channelCount: header.channelCount,
    totalFrames: trim?.totalFrames,
    blocks: decodeLinks(frames, first, context),
  };
}

/** Every decoder puts out the first sample this late, by layer. */
export const MPEG_DECODER_DELAY: Readonly<Record<2 | 3, number>> = { 2: 481, 3: 529 };

/** A header of layer II or III with a bit rate; free-format frames do not say their length and are not taken. */
export function parseMpegHeader(bytes: Uint8Array, at: number): MpegHeader | undefined {
  const [sync, a, b, c] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  if (sync !== 0xff || (a & 0xe0) !== 0xe0) return undefined;
  const version = (a >> 3) & 3;
  const layerBits = (a >> 1) & 3;
  const rateIndex = (b >> 2) & 3;
  const bitrateIndex = b >> 4;
  if (version === 1 || (layerBits !== 1 && layerBits !== 2) || rateIndex === 3) return undefined;
  if (bitrateIndex === 0 || bitrateIndex === 15 || (c & 3) === 2) return undefined;
  const layer = layerBits === 1 ? 3 : 2;
  const isMpeg1 = version === 3;
  const sampleRateHz = [44_100, 48_000, 32_000][rateIndex]! >> (isMpeg1 ? 0 : version === 2 ? 1 : 2);
  const bitrate = 1000 * (isMpeg1 ? (layer === 3 ? V1_L3 : V1_L2) : V2)[bitrateIndex]!;
  const samples = layer === 3 && !isMpeg1 ? 576 : 1152;
  const channelCount = c >> 6 === 3 ? 1 : 2;
  return {
    layer,
    isMpeg1,
    sampleRateHz,
    channelCount,
    samples,
    frameBytes: Math.floor((samples / 8) * (bitrate / sampleRateHz)) + ((b >> 1) & 1),
    key: (a & 0x1e) | (rateIndex << 8) | (channelCount << 16),
  };
}

// ---

/** One of the files that were joined, up to its first frame. */
interface Link {
  readonly header: MpegHeader;
  readonly info: InfoFrame | undefined;
  readonly trim: Trim | undefined;
}

/** Looks at the next frame; one that describes the file is consumed. undefined at the end. */
async function openLink(frames: FrameSource<MpegHeader>): Promise<Link | undefined> {
  const first = await frames.next();
  if (!first) return undefined;
  const { header } = first;
  const info = parseInfoFrame(first);
  if (!info) frames.unread(first);
  return { header, info, trim: info && trimOf(info, header) };
}

async function* decodeLinks(
  frames: FrameSource<MpegHeader>,
  first: Link,
  context: OpenContext,
): AsyncGenerator<AudioBlock, void, undefined> {
  for (let link: Link | undefined = first; link; link = await openLink(frames)) {
    const { header, trim } = link;
    yield* decodePackets({
      container: "MP3",
      sampleRateHz: header.sampleRateHz,
      channelCount: header.channelCount,
      context,
      packets: readPackets(frames, link, context),
      createDecoder: () => createCodec({ codec: header.layer === 2 ? "mp2" : "mp3" }),
      skipFrames: trim?.skipFrames ?? MPEG_DECODER_DELAY[header.layer],
      concealFrames: header.samples,
    });
  }
}

export interface MpegHeader extends FrameHeader {
  readonly layer: 2 | 3;
  readonly isMpeg1: boolean;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Per channel. */
  readonly samples: number;
}

const V1_L3 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const V1_L2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const V2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

interface InfoFrame {
  /** Audio frames after this one; undefined when the header does not count them. */
  readonly frameCount: number | undefined;
  /** Encoder delay and padding in samples. */
  readonly delay: number | undefined;
  readonly padding: number;
}

/** The Xing, Info or VBRI header: a frame without sound that describes the file. */
function parseInfoFrame({ header, data }: ScannedFrame<MpegHeader>): InfoFrame | undefined {
  if (header.layer !== 3) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const text = (at: number, length: number): string => Buffer.from(data.subarray(at, at + length)).toString("latin1");
  if (text(36, 4) === "VBRI" && data.length >= 54) {
    return { frameCount: view.getUint32(50) || undefined, delay: undefined, padding: 0 };
  }
  const sideBytes = header.isMpeg1 ? (header.channelCount === 2 ? 32 : 17) : header.channelCount === 2 ? 17 : 9;
  let at = 4 + sideBytes;
  const magic = text(at, 4);
  if ((magic !== "Xing" && magic !== "Info") || data.length < at + 8) return undefined;
  const flags = view.getUint32(at + 4);
  at += 8;
  let frameCount: number | undefined;
  if (flags & 1 && data.length >= at + 4) frameCount = view.getUint32(at) || undefined;
  if (frameCount === 0xffff_ffff) frameCount = undefined;
  for (const [bit, length] of [
    [1, 4],
    [2, 4],
    [4, 100],
    [8, 4],
  ] as const)
    if (flags & bit) at += length;
  if (data.length < at + 24 || !/^(?:LAME|Lav[cf]|GOGO)/.test(text(at, 4))) {
    return { frameCount, delay: undefined, padding: 0 };
  }
  const packed = (data[at + 21]! << 16) | (data[at + 22]! << 8) | data[at + 23]!;
  return { frameCount, delay: packed >> 12, padding: packed & 0xfff };
}

interface Trim {
  readonly skipFrames: number | undefined;
  readonly totalFrames: number | undefined;
}

function trimOf({ frameCount, delay, padding }: InfoFrame, header: MpegHeader): Trim {
  const decoded = frameCount === undefined ? undefined : frameCount * header.samples;
  if (delay === undefined) return { skipFrames: undefined, totalFrames: decoded };
  return {
    skipFrames: delay + MPEG_DECODER_DELAY[3],
    totalFrames: decoded === undefined ? undefined : Math.max(0, decoded - delay - padding),
  };
}

/** A header may count itself, and a cut last frame is dropped: so many frames may be missing without a word. */
const MISSING_FRAMES_TOLERATED = 2;

/** The frames of one link; the first of the next one is left unread. */
async function* readPackets(
  frames: FrameSource<MpegHeader>,
  { header, info, trim }: Link,
  context: OpenContext,
): AsyncGenerator<EncodedPacket, void, undefined> {
  let count = 0;
  let endFrame = 0;
  const frameCount = info?.frameCount;
  const { skipFrames, totalFrames } = trim ?? {};
  const limit = skipFrames === undefined || totalFrames === undefined ? undefined : skipFrames + totalFrames;

  for (let frame = await frames.next(); frame; frame = await frames.next()) {
    if (frame.header.key !== header.key || (count > 0 && parseInfoFrame(frame))) {
      frames.unread(frame);
      break;
    }
    count++;
    endFrame += header.samples;
    // What follows the counted frames was joined to the file later: the padding between the two is cut, no more.
    const isCounted = frameCount !== undefined && count <= frameCount;
    yield { data: frame.data, endFrame, ...(isCounted && limit !== undefined && { limitFrame: limit }) };
  }
  if (frameCount !== undefined && count + MISSING_FRAMES_TOLERATED < frameCount) {
    const missing = `${frameCount - count} of ${frameCount} frames are missing`;
    context.warn("truncated", `MP3: the file is truncated, ${missing}`);
  }
}
