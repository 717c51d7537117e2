import { IMA4_BLOCK_BYTES } from "../codec/ima4.ts";
import type { SampleEncoding } from "../codec/pcm.ts";
import { ima4Track } from "../codec/track-codecs.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { createByteStore } from "../input/byte-store.ts";
import { CAF_CHUNKS } from "../linear/chunks.ts";
import { openConstant } from "../linear/constant.ts";
import { openLinear } from "../linear/open.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { codecOf, windowsCodec, type CafFormat } from "./codecs.ts";
import { openPackets, parsePacketTable, type PacketTable } from "./packets.ts";

/**
 * Core Audio Format: PCM, float, A-law, µ-law, IMA ADPCM, ALAC, AAC, Opus and MP3. Packets of different sizes need the packet
 * table, which may come behind them: they are kept in memory then, up to 512 MiB.
 */
export async function openCaf(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  await input.skip(8);
  const head: Head = { format: undefined, cookie: undefined, table: undefined };
  for (;;) {
    const found = await readChunk(input, head);
    if (!found) throw truncated("CAF", "the file ends before its samples");
    if (found.data) return await openData(input, context, { ...head, dataBytes: found.data.bytes });
  }
}

// ---

interface Head {
  format: CafFormat | undefined;
  cookie: Uint8Array | undefined;
  table: PacketTable | undefined;
}

/** More description than this is not one: packet tables of a day's recording are smaller. */
const MAX_CHUNK_BYTES = 64 * 2 ** 20;

/** Reads the next chunk into `head`; undefined at the end of the body. The samples are left unread. */
async function readChunk(
  input: ByteReader,
  head: Head,
): Promise<{ readonly data: { readonly bytes: number | undefined } | undefined } | undefined> {
  const bytes = await input.peek(12);
  if (bytes.length < 12) return undefined;
  const chunk = CAF_CHUNKS.chunkAt(bytes, 0);
  if (!chunk) throw damaged("CAF", `no chunk that can be read begins at byte ${input.position}`);
  await input.skip(12);
  if (chunk.name === "data") {
    await input.skip(4);
    const length = chunk.bytes === Number.POSITIVE_INFINITY ? undefined : Math.max(0, chunk.bytes - 4);
    return { data: { bytes: length } };
  }
  if (chunk.name !== "desc" && chunk.name !== "kuki" && chunk.name !== "pakt") {
    await input.skip(chunk.bytes);
    return { data: undefined };
  }
  if (chunk.bytes > MAX_CHUNK_BYTES) {
    throw unsupported("CAF", `the ${chunk.name} chunk is too large (${chunk.bytes} bytes)`, "convert");
  }
  const body = (await input.read(chunk.bytes)).slice();
  if (body.length < chunk.bytes) throw truncated("CAF", `the file ends inside its ${chunk.name} chunk`);
  if (chunk.name === "desc") head.format = parseDescription(body);
  else if (chunk.name === "kuki") head.cookie = body;
  else head.table = parsePacketTable(body);
  return { data: undefined };
}

function parseDescription(body: Uint8Array): CafFormat {
  if (body.length < 32) throw damaged("CAF", `the desc chunk must be 32 bytes, got ${body.length}`);
  const view = new DataView(body.buffer);
  return {
    sampleRateHz: Math.round(view.getFloat64(0)),
    codec: Buffer.from(body.subarray(8, 12)).toString("latin1"),
    flags: view.getUint32(12),
    packetBytes: view.getUint32(16),
    packetFrames: view.getUint32(20),
    channelCount: view.getUint32(24),
    bits: view.getUint32(28),
  };
}

async function openData(
  input: ByteReader,
  context: OpenContext,
  { format, cookie, table, dataBytes }: Readonly<Head> & { readonly dataBytes: number | undefined },
): Promise<OpenedAudio> {
  if (!format) throw damaged("CAF", "the samples come before their format");
  const { sampleRateHz, channelCount } = format;
  const range = { container: "CAF", dataBytes, fileBytes: undefined, layout: CAF_CHUNKS };
  const encoding = encodingOf(format);
  if (encoding)
    return openLinear(input, context, { format: "caf", shape: { encoding, sampleRateHz, channelCount }, range });
  if (format.codec === "ima4") {
    return openConstant(input, context, {
      format: "caf-ima4",
      codec: ima4Track(sampleRateHz, channelCount),
      packetBytes: IMA4_BLOCK_BYTES * channelCount,
      range,
      skipFrames: table?.primingFrames ?? 0,
      validFrames: table?.validFrames,
    });
  }
  const makeCodec = codecOf(format, cookie);
  const { packetBytes } = format;
  if ((format.codec === "agsm" || windowsCodec(format)) && packetBytes > 0) {
    const codec = makeCodec((await input.peek(packetBytes)).slice());
    return openConstant(input, context, { format: `caf-${codec.name}`, codec, packetBytes, range });
  }
  if (table) return await openPackets({ input, context, format, makeCodec, table, store: undefined });

  const store = createByteStore("CAF", "the packet table comes after more than 512 MiB of samples");
  const start = input.position;
  for (let left = dataBytes ?? Number.POSITIVE_INFINITY; left > 0;) {
    const bytes = await input.next(Math.min(left, 65_536));
    if (!bytes) break;
    store.add(input.position - bytes.length - start, bytes);
    left -= bytes.length;
  }
  const tail: Head = { format, cookie, table: undefined };
  while (!tail.table) {
    if (!(await readChunk(input, tail)))
      throw truncated("CAF", "the file has no packet table: the recording was not finished");
  }
  return await openPackets({ input, context, format, makeCodec, table: tail.table, store });
}

const FLOAT = 1;
const LITTLE_ENDIAN = 2;

/** How plain samples are stored; undefined = a codec. */
function encodingOf({ codec, flags, bits, packetBytes, channelCount }: CafFormat): SampleEncoding | undefined {
  if (codec === "alaw") return "pcma";
  if (codec === "ulaw") return "pcmu";
  if (codec !== "lpcm") return undefined;
  const size = packetBytes > 0 && channelCount > 0 ? (packetBytes / channelCount) * 8 : bits;
  const order = flags & LITTLE_ENDIAN ? "le" : "be";
  const found = (flags & FLOAT ? FLOATS : INTEGERS)[order][size];
  if (!found)
    throw unsupported("CAF", `PCM with ${bits} bits in frames of ${packetBytes} bytes is not supported`, "convert");
  return found;
}

const INTEGERS: Readonly<Record<"le" | "be", Readonly<Record<number, SampleEncoding>>>> = {
  le: { 8: "s8", 16: "s16le", 24: "s24le", 32: "s32le" },
  be: { 8: "s8", 16: "s16be", 24: "s24be", 32: "s32be" },
};
const FLOATS: typeof INTEGERS = { le: { 32: "f32le", 64: "f64le" }, be: { 32: "f32be", 64: "f64be" } };
