import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createCodec } from "../codec/symphonia.ts";
import { createByteReader, type ByteReader } from "../input/byte-reader.ts";
import { whatFollows } from "../linear/samples.ts";
import { openMp3 } from "../mp3/mp3.ts";
import { checkShape, damaged, truncated, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import type { WavHeader } from "./header.ts";

/**
 * Opens a WAV file whose data are packets of a codec; undefined when they are plain samples. Codecs that cannot be decoded
 * are refused by name.
 */
export async function openCoded(
  input: ByteReader,
  header: WavHeader,
  context: OpenContext,
): Promise<OpenedAudio | undefined> {
  const { tag } = header.fields;
  if (tag === TAG_MPEG || tag === TAG_MP3) {
    // The outer reader is the one that is stopped.
    const data = createByteReader(readData(input, header, context), new AbortController().signal);
    return { ...(await openMp3(data, context)), format: "wav-mp3" };
  }
  if (tag === TAG_MS_ADPCM) return openAdpcm("adpcm-ms", input, header, context);
  if (tag === TAG_IMA_ADPCM) return openAdpcm("adpcm-ima-wav", input, header, context);
  const name = NAMES[tag];
  if (name === undefined) return undefined;
  throw unsupported("WAV", `${name} is not supported`, "convert");
}

// ---

const TAG_MS_ADPCM = 2;
const TAG_IMA_ADPCM = 0x11;
const TAG_MPEG = 0x50;
const TAG_MP3 = 0x55;

/** Codecs that recorders and telephone systems put into WAV files. */
const NAMES: Readonly<Record<number, string>> = {
  0x22: "DSP Group TrueSpeech",
  0x31: "GSM 6.10",
  0x40: "G.721 ADPCM",
  0x42: "G.723.1",
  0x45: "G.726 ADPCM",
  0x57: "AMR-NB",
  0x58: "AMR-WB",
  0x64: "G.726 ADPCM",
  0x65: "G.722",
  0x83: "G.729",
  0xff: "AAC in WAV",
  0x160: "Windows Media Audio",
  0x161: "Windows Media Audio",
  0x162: "Windows Media Audio",
  0x163: "Windows Media Audio",
  0x1610: "AAC in WAV",
  0x2000: "AC-3 (Dolby Digital)",
  0x2001: "DTS",
  0x674f: "Vorbis in WAV",
  0xa106: "AAC in WAV",
  0xf1ac: "FLAC in WAV",
};

function openAdpcm(
  codec: "adpcm-ms" | "adpcm-ima-wav",
  input: ByteReader,
  header: WavHeader,
  context: OpenContext,
): OpenedAudio {
  const { channelCount, sampleRateHz, blockAlign } = header.fields;
  checkShape("WAV", sampleRateHz, channelCount);
  if (channelCount > 2) throw unsupported("WAV", `ADPCM with ${channelCount} channels is not supported`, "convert");
  const framesIn =
    codec === "adpcm-ms"
      ? (bytes: number): number => Math.floor(((bytes - 7 * channelCount) * 2) / channelCount) + 2
      : (bytes: number): number => Math.floor((bytes - 4 * channelCount) / (4 * channelCount)) * 8 + 1;
  const blockFrames = framesIn(blockAlign);
  if (blockFrames < 2 || blockFrames > MAX_BLOCK_FRAMES) {
    throw damaged("WAV", `an ADPCM block of ${blockAlign} bytes is not possible`);
  }
  return {
    format: `wav-${codec}`,
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodePackets({
      container: "WAV",
      sampleRateHz,
      channelCount,
      context,
      packets: readBlocks({ input, header, context, framesIn }),
      createDecoder: () => createCodec({ codec, sampleRateHz, channelCount, packetFrames: blockFrames }),
      concealFrames: blockFrames,
    }),
  };
}

const MAX_BLOCK_FRAMES = 65_536;

async function* readBlocks({
  input,
  header,
  context,
  framesIn,
}: {
  readonly input: ByteReader;
  readonly header: WavHeader;
  readonly context: OpenContext;
  readonly framesIn: (bytes: number) => number;
}): AsyncGenerator<EncodedPacket, void, undefined> {
  const { blockAlign } = header.fields;
  const data = createByteReader(readData(input, header, context), new AbortController().signal);
  let endFrame = 0;
  for (;;) {
    const bytes = await data.read(blockAlign);
    const frames = framesIn(bytes.length);
    if (frames >= 2) {
      // A last block may be short: its missing bytes are not sound.
      const block = new Uint8Array(blockAlign);
      block.set(bytes);
      endFrame += frames;
      yield { data: block, endFrame, limitFrame: Math.min(endFrame, header.factFrames ?? endFrame) };
    }
    if (bytes.length < blockAlign) return;
  }
}

/** The bytes of the data chunk, and those behind it that are not a chunk. */
async function* readData(
  input: ByteReader,
  header: WavHeader,
  context: OpenContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { dataBytes: declared, fileBytes, layout, fields } = header;
  let left = declared ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const bytes = left > 0 ? await input.next(Math.min(left, 65_536)) : undefined;
    if (bytes) {
      left -= bytes.length;
      yield bytes.slice();
      continue;
    }
    if (declared === undefined || left === Number.POSITIVE_INFINITY) return;
    if (left > 0) {
      if (fileBytes === input.position) return;
      throw truncated("WAV", `the file is truncated, ${left} of ${declared} bytes of samples are missing`);
    }
    const next = await whatFollows(input, { rest: 0, dataBytes: declared, frameBytes: fields.blockAlign, layout });
    if (next.is === "end") return;
    context.warn("wrong_header", `WAV: the header says ${declared} bytes of samples, more follow and were read`);
    left = Number.POSITIVE_INFINITY;
  }
}
