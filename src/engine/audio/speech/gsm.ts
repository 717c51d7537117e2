import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

export const GSM_RATE_HZ = 8000;
/** A frame of 20 ms. */
export const GSM_FRAME_BYTES = 33;
export const GSM_FRAMES = 160;

/** True for bare GSM 6.10, as Asterisk and SoX write it: each frame begins with the bits 1101. */
export function isBareGsm(head: Uint8Array): boolean {
  if (head.length < LEAST_FRAMES * GSM_FRAME_BYTES) return false;
  for (let i = 0; i < MOST_FRAMES && i * GSM_FRAME_BYTES < head.length; i++) {
    if (head[i * GSM_FRAME_BYTES]! >> 4 !== 0xd) return false;
  }
  return true;
}

/** Frames of GSM 6.10 without a header. */
export async function openGsm(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  return {
    format: "gsm",
    sampleRateHz: GSM_RATE_HZ,
    channelCount: 1,
    totalFrames: undefined,
    blocks: decodePackets({
      container: "GSM 6.10",
      sampleRateHz: GSM_RATE_HZ,
      channelCount: 1,
      context,
      packets: readFrames(input, context),
      createDecoder: () => createFfmpegCodec({ codec: "GSM", sampleRateHz: GSM_RATE_HZ, channelCount: 1 }),
      concealFrames: GSM_FRAMES,
    }),
  };
}

// ---

/** Four bits say little: so many frames in a row do not happen by accident. */
const LEAST_FRAMES = 8;
const MOST_FRAMES = 12;
const MAX_JUNK_BYTES = 65_536;

async function* readFrames(input: ByteReader, context: OpenContext): AsyncGenerator<EncodedPacket, void, undefined> {
  let endFrame = 0;
  let junk = 0;
  for (;;) {
    // Frames that lost their place are found again where several of them follow each other.
    const head = await input.peek(junk > 0 ? 4 * GSM_FRAME_BYTES : GSM_FRAME_BYTES);
    if (head.length < GSM_FRAME_BYTES) {
      if (head.length > 0) context.warn("truncated", "GSM 6.10: the file ends inside a frame");
      return;
    }
    let isFrame = true;
    for (let at = 0; at < head.length; at += GSM_FRAME_BYTES) isFrame &&= head[at]! >> 4 === 0xd;
    if (!isFrame) {
      junk++;
      if (junk > MAX_JUNK_BYTES && endFrame === 0)
        throw damaged("GSM 6.10", `more than ${MAX_JUNK_BYTES} bytes are not frames`);
      await input.skip(1);
      continue;
    }
    if (junk > 0) context.warn("damaged", "GSM 6.10: bytes that are not frames were left out");
    junk = 0;
    endFrame += GSM_FRAMES;
    yield { data: (await input.read(GSM_FRAME_BYTES)).slice(), endFrame };
  }
}
