import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import type { OpenContext } from "../types.ts";
import { IFF_CHUNKS, paddingOf, RIFF_CHUNKS, WAVE64_CHUNKS, type ChunkLayout } from "../linear/chunks.ts";
import type { SampleRange } from "../linear/range.ts";
import type { WavFields } from "./shape.ts";

export interface WavHeader extends SampleRange {
  readonly fields: WavFields;
  /** Samples per channel that a fact chunk counts; for coded audio, whose last block is padded. */
  readonly factFrames: number | undefined;
}

/** Reads up to the first sample. */
export async function readHeader(input: ByteReader, context: OpenContext): Promise<WavHeader> {
  const { container, layout, is64, fileBytes } = await readForm(input);
  const isBigEndian = layout === IFF_CHUNKS;
  let fields: WavFields | undefined;
  let ds64DataBytes: number | undefined;
  let factFrames: number | undefined;

  for (;;) {
    const head = await input.peek(layout.headBytes);
    if (head.length < layout.headBytes) {
      throw truncated("WAV", `the file ends before its ${fields ? "data" : "fmt"} chunk`);
    }
    const chunk = layout.chunkAt(head, 0);
    if (!chunk || (chunk.name !== "data" && input.position + chunk.bytes > MAX_HEADER_BYTES)) {
      await findNextChunk(input, context);
      continue;
    }
    const { name: id, bytes: size } = chunk;
    await input.skip(layout.headBytes);

    if (id === "data") {
      if (!fields) throw damaged("WAV", "the data chunk comes before the fmt chunk");
      const declared = is64 && size === 0xffff_ffff ? (ds64DataBytes ?? size) : size;
      const isOpen = isPlaceholder(declared, layout) || (declared === 0 && !(await isChunkNext(input, layout)));
      if (declared > 0 || isOpen) {
        return { container, layout, fields, dataBytes: isOpen ? undefined : declared, fileBytes, factFrames };
      }
      continue;
    }
    const isRead = (id === "fmt " && !fields) || (id === "ds64" && is64) || id === "fact";
    if (!isRead) {
      await skipExactly(input, size);
      await skipPadding(input, layout, size);
      continue;
    }
    const body = viewOf(await input.read(Math.min(size, 64)));
    if (id === "fmt ") fields = parseFields(body, isBigEndian);
    else if (id === "ds64") ds64DataBytes = parseDs64(body);
    else if (body.byteLength >= 4) factFrames = body.getUint32(0, !isBigEndian) || undefined;
    await skipExactly(input, size - body.byteLength);
    await skipPadding(input, layout, size);
  }
}

// ---

/** More header than this before the samples is not a WAV file anybody's tool wrote: 16 MiB hold any cover picture. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** Bytes searched for the next chunk after one whose length is wrong. */
const SEARCHED_BYTES = 4096;
/** Bytes 2..15 of the KSDATAFORMAT_SUBTYPE GUIDs. */
const SUBTYPE_TAIL = "000000001000800000aa00389b71";
const TAG_EXTENSIBLE = 0xfffe;

/** ffmpeg leaves 0xFFFFFFFF, sox 0x7FFFF000 and more, arecord 0x80000000: 2 GiB were never meant. */
function isPlaceholder(bytes: number, layout: ChunkLayout): boolean {
  if (layout === WAVE64_CHUNKS) return bytes === Number.POSITIVE_INFINITY;
  return bytes >= 0x7fff_f000 && bytes <= 0xffff_ffff;
}

async function isChunkNext(input: ByteReader, layout: ChunkLayout): Promise<boolean> {
  return layout.chunkAt(await input.peek(layout.headBytes), 0) !== undefined;
}

interface Form extends Pick<WavHeader, "container" | "layout" | "fileBytes"> {
  /** Lengths that do not fit 32 bits are in a `ds64` chunk. */
  readonly is64: boolean;
}

/** Reads the outermost chunk's head. */
async function readForm(input: ByteReader): Promise<Form> {
  const start = input.position;
  const kind = Buffer.from(await input.peek(4)).toString("latin1");
  const isWave64 = kind === "riff";
  const bytes = isWave64 ? 40 : 12;
  const head = viewOf(await input.read(bytes));
  if (head.byteLength < bytes) throw truncated("WAV", `the file ends inside its first ${bytes} bytes`);
  if (isWave64) {
    const fileBytes = start + Number(head.getBigUint64(16, true));
    return { container: "Wave64", layout: WAVE64_CHUNKS, is64: false, fileBytes };
  }
  const layout = kind === "RIFX" ? IFF_CHUNKS : RIFF_CHUNKS;
  const fileBytes = start + head.getUint32(4, kind !== "RIFX") + 8;
  return { container: "WAV", layout, is64: kind === "RF64" || kind === "BW64", fileBytes };
}

/** The length of the chunk before was wrong: goes on at the next `fmt ` or `data` nearby. */
async function findNextChunk(input: ByteReader, context: OpenContext): Promise<void> {
  const text = Buffer.from(await input.peek(SEARCHED_BYTES)).toString("latin1");
  const at = text.slice(1).search(/fmt |data/) + 1;
  if (at < 1) throw damaged("WAV", `no chunk that can be read begins at byte ${input.position}`);
  context.warn("wrong_header", `WAV: the chunk at byte ${input.position} is not one, the next one was looked for`);
  await input.skip(at);
}

async function skipExactly(input: ByteReader, bytes: number): Promise<void> {
  // The pad byte of the very last chunk is often missing; the next read then finds the end of the file.
  if ((await input.skip(bytes)) < bytes - 1) throw truncated("WAV", "the file ends inside a header chunk");
}

/** Some writers leave out the pad byte behind a body of odd length. */
async function skipPadding(input: ByteReader, layout: ChunkLayout, bytes: number): Promise<void> {
  const padding = paddingOf(layout, bytes);
  const next = Buffer.from(await input.peek(padding > 0 ? 4 : 0)).toString("latin1");
  if (!/^(?:data|fmt |fact|LIST)$/.test(next)) await input.skip(padding);
}

function parseDs64(body: DataView): number {
  if (body.byteLength < 24) throw damaged("WAV", "the ds64 chunk is shorter than 24 bytes");
  const bytes = body.getBigUint64(8, true);
  // 0 and -1 are left behind by writers to a pipe.
  return bytes === 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER) ? 0xffff_ffff : Number(bytes);
}

/** Parses a WAVEFORMATEX structure. */
export function parseFields(body: DataView, isBigEndian: boolean): WavFields {
  if (body.byteLength < 16) throw damaged("WAV", `the fmt chunk must be 16 bytes or more, got ${body.byteLength}`);
  const u16 = (at: number): number => body.getUint16(at, !isBigEndian);
  const u32 = (at: number): number => body.getUint32(at, !isBigEndian);
  let tag = u16(0);
  let speakers: number | undefined;
  if (tag === TAG_EXTENSIBLE) {
    if (body.byteLength < 40) throw damaged("WAV", "the extensible fmt chunk is shorter than 40 bytes");
    const tail = Buffer.from(body.buffer, body.byteOffset + 26, 14).toString("hex");
    if (tail !== SUBTYPE_TAIL)
      throw unsupported("WAV", "the sub-format is not one of PCM, float, A-law and µ-law", "convert");
    tag = u16(24);
    speakers = u32(20) || undefined;
  }
  return {
    tag,
    channelCount: u16(2),
    sampleRateHz: u32(4),
    byteRate: u32(8),
    blockAlign: u16(12),
    bits: u16(14),
    speakers,
    extra: extraOf(body),
    isBigEndian,
  };
}

/** The codec's own fields behind the common ones. */
function extraOf(body: DataView): Uint8Array {
  const size = body.byteLength >= 18 ? body.getUint16(16, true) : 0;
  const end = Math.min(body.byteLength, 18 + size);
  return new Uint8Array(body.buffer, body.byteOffset + 18 * Number(end > 18), Math.max(0, end - 18)).slice();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
