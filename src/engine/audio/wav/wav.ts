import type { ByteReader } from "../input/byte-reader.ts";
import type { OpenedAudio } from "../types.ts";
import type { SampleEncoding } from "../codec/pcm.ts";
import { SAMPLE_BYTES, deinterleave } from "../codec/pcm.ts";
import { checkShape, damaged, truncated, unsupported } from "../refuse.ts";

/**
 * Streaming RIFF, RF64 and BW64 reader: PCM 8/16/24/32, float 32/64, A-law, µ-law, plain or WAVE_FORMAT_EXTENSIBLE.
 *
 * Truncation policy: a data chunk that promises more bytes than come is `invalid_audio`, thrown after the last whole
 * block; lengths that writers to a pipe leave behind (see `isPlaceholder`) mean "until the end of the body".
 */
export async function openWav(input: ByteReader): Promise<OpenedAudio> {
  const header = await readHeader(input);
  const { encoding, channelCount, sampleRateHz, dataBytes } = header;
  const frameBytes = SAMPLE_BYTES[encoding] * channelCount;
  return {
    format: "wav",
    sampleRateHz,
    channelCount,
    totalFrames: dataBytes === undefined ? undefined : Math.floor(dataBytes / frameBytes),
    blocks: readBlocks(input, encoding, channelCount, dataBytes),
  };
}

/** Samples without a header, until the end of the body. */
export function openHeaderless(input: ByteReader, encoding: SampleEncoding, sampleRateHz: number): OpenedAudio {
  checkShape("headerless audio", sampleRateHz, 1);
  return {
    format: encoding,
    sampleRateHz,
    channelCount: 1,
    totalFrames: undefined,
    blocks: readBlocks(input, encoding, 1, undefined),
  };
}

// --- header

interface WavHeader extends WavFormat {
  /** undefined = until the end of the body. */
  readonly dataBytes: number | undefined;
}

interface WavFormat {
  readonly encoding: SampleEncoding;
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

/** More header than this before the samples is not a WAV file anybody's tool wrote: 16 MiB hold any cover picture. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;

async function readHeader(input: ByteReader): Promise<WavHeader> {
  const riff = viewOf(await input.read(12));
  if (riff.byteLength < 12) throw truncated("WAV", "the file ends inside its first 12 bytes");
  const is64 = fourCc(riff, 0) !== "RIFF";
  const riffBytes = riff.getUint32(4, true);
  let format: WavFormat | undefined;
  let ds64DataBytes: number | undefined;

  for (;;) {
    const chunk = viewOf(await input.read(8));
    if (chunk.byteLength < 8) throw truncated("WAV", `the file ends before its ${format ? "data" : "fmt"} chunk`);
    const id = fourCc(chunk, 0);
    const size = chunk.getUint32(4, true);

    if (id === "data") {
      if (!format) throw damaged("WAV", "the data chunk comes before the fmt chunk");
      const declared = is64 && size === 0xffff_ffff ? (ds64DataBytes ?? size) : size;
      if (declared > 0 && !isPlaceholder(declared)) return { ...format, dataBytes: declared };
      // A length of 0 is what a writer to a pipe leaves behind, unless the RIFF length says that more chunks follow.
      const riffEnd = isPlaceholder(riffBytes) ? 0 : riffBytes + 8;
      if (declared !== 0 || riffEnd <= input.position) return { ...format, dataBytes: undefined };
      continue;
    }
    if (input.position + size > MAX_HEADER_BYTES) {
      throw unsupported("WAV", `the chunk before the samples is too large (${size} bytes)`);
    }
    const isRead = (id === "fmt " && !format) || (id === "ds64" && is64);
    if (!isRead) {
      await skipExactly(input, size + (size & 1));
      continue;
    }
    const body = viewOf(await input.read(Math.min(size, 64)));
    if (id === "fmt ") format = parseFormat(body);
    else ds64DataBytes = parseDs64(body);
    await skipExactly(input, size + (size & 1) - body.byteLength);
  }
}

/** ffmpeg leaves 0xFFFFFFFF, sox 0x7FFFF000 and more, arecord 0x80000000: nothing of 2 GiB was ever meant. */
function isPlaceholder(bytes: number): boolean {
  return bytes >= 0x7fff_f000 && bytes <= 0xffff_ffff;
}

async function skipExactly(input: ByteReader, bytes: number): Promise<void> {
  // The pad byte of the very last chunk is often missing; the next read tells the end of the file then.
  if ((await input.skip(bytes)) < bytes - 1) throw truncated("WAV", "the file ends inside a header chunk");
}

function parseDs64(body: DataView): number {
  if (body.byteLength < 24) throw damaged("WAV", "the ds64 chunk is shorter than 24 bytes");
  const bytes = body.getBigUint64(8, true);
  // 0 and -1 are left behind by writers to a pipe.
  return bytes === 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER) ? 0xffff_ffff : Number(bytes);
}

const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_A_LAW = 6;
const TAG_MU_LAW = 7;
const TAG_EXTENSIBLE = 0xfffe;
/** Bytes 2..15 of the KSDATAFORMAT_SUBTYPE GUIDs. */
const SUBTYPE_TAIL = "000000001000800000aa00389b71";

function parseFormat(body: DataView): WavFormat {
  if (body.byteLength < 16) throw damaged("WAV", `the fmt chunk must be 16 bytes or more, got ${body.byteLength}`);
  let tag = body.getUint16(0, true);
  const channelCount = body.getUint16(2, true);
  const sampleRateHz = body.getUint32(4, true);
  const blockAlign = body.getUint16(12, true);
  const bits = body.getUint16(14, true);
  checkShape("WAV", sampleRateHz, channelCount);
  if (tag === TAG_EXTENSIBLE) {
    if (body.byteLength < 40) throw damaged("WAV", "the extensible fmt chunk is shorter than 40 bytes");
    const tail = Buffer.from(body.buffer, body.byteOffset + 26, 14).toString("hex");
    if (tail !== SUBTYPE_TAIL) throw unsupported("WAV", "the sub-format is not one of PCM, float, A-law and µ-law");
    tag = body.getUint16(24, true);
  }
  // 20 bits may sit in 3 bytes and 24 in 4: the frame size says how many, not the bit count.
  const sampleBytes = blockAlign / channelCount;
  const encoding = encodingOf(tag, sampleBytes);
  if (!encoding || bits > sampleBytes * 8) {
    throw unsupported(
      "WAV",
      `format ${tag} with ${bits} bits in frames of ${blockAlign} bytes for ${channelCount} channel(s) cannot be read`,
      "pcm",
    );
  }
  return { encoding, sampleRateHz, channelCount };
}

function encodingOf(tag: number, sampleBytes: number): SampleEncoding | undefined {
  switch (tag) {
    case TAG_PCM:
      return ({ 1: "u8", 2: "s16le", 3: "s24le", 4: "s32le" } as const)[sampleBytes];
    case TAG_FLOAT:
      return ({ 4: "f32le", 8: "f64le" } as const)[sampleBytes];
    case TAG_A_LAW:
      return sampleBytes === 1 ? "pcma" : undefined;
    case TAG_MU_LAW:
      return sampleBytes === 1 ? "pcmu" : undefined;
    default:
      return undefined;
  }
}

// --- samples

const BLOCK_BYTES = 65_536;
const MAX_BLOCK_FRAMES = 8192;

async function* readBlocks(
  input: ByteReader,
  encoding: SampleEncoding,
  channelCount: number,
  dataBytes: number | undefined,
): AsyncGenerator<Float32Array[], void, undefined> {
  const frameBytes = SAMPLE_BYTES[encoding] * channelCount;
  const blockBytes = frameBytes * Math.min(MAX_BLOCK_FRAMES, Math.max(1, Math.floor(BLOCK_BYTES / frameBytes)));
  let left = dataBytes ?? Number.POSITIVE_INFINITY;
  while (left > 0) {
    const wanted = Math.min(blockBytes, left);
    const bytes = await input.read(wanted);
    left -= bytes.length;
    // What is left of a frame at the end of the data is less than one sample period and dropped.
    if (bytes.length >= frameBytes) yield deinterleave(bytes, encoding, channelCount);
    if (bytes.length === wanted) continue;
    if (dataBytes === undefined) return;
    throw truncated("WAV", `the file is truncated, ${left} of ${dataBytes} bytes of samples are missing`);
  }
  await refuseSecondFile(input, dataBytes ?? 0);
}

/** Files joined with `cat` would lose all but the first without a word. */
async function refuseSecondFile(input: ByteReader, dataBytes: number): Promise<void> {
  const isPadded = dataBytes % 2 === 1;
  const next = Buffer.from(await input.peek(isPadded ? 5 : 4)).toString("latin1");
  if (/RIFF|data/.test(next)) {
    throw unsupported("WAV", `more audio follows at byte ${input.position}`, "oneByOne");
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fourCc(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}
