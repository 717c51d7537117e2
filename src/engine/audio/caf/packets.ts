import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import type { ByteStore } from "../input/byte-store.ts";
import { damaged, truncated } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import type { CafFormat } from "./codecs.ts";

/** A `pakt` chunk. */
export interface PacketTable {
  readonly packetCount: number;
  /** Frames without priming and padding; undefined = not said. */
  readonly validFrames: number | undefined;
  readonly primingFrames: number;
  /** Sizes and lengths, coded in 7 bits a byte. */
  readonly entries: Uint8Array;
}

export function parsePacketTable(body: Uint8Array): PacketTable {
  if (body.length < 24) throw damaged("CAF", `the pakt chunk must be 24 bytes or more, got ${body.length}`);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const valid = view.getBigInt64(8);
  return {
    packetCount: Math.max(0, Number(view.getBigInt64(0))),
    validFrames: valid > 0n ? Number(valid) : undefined,
    primingFrames: Math.max(0, view.getInt32(16)),
    entries: body.subarray(24),
  };
}

/** Opens packets whose sizes are in a table. `store` holds them when the table came behind. */
export async function openPackets({
  input,
  context,
  format,
  makeCodec,
  table,
  store,
}: {
  readonly input: ByteReader;
  readonly context: OpenContext;
  readonly format: CafFormat;
  readonly makeCodec: (firstPacket: Uint8Array) => TrackCodec;
  readonly table: PacketTable;
  readonly store: ByteStore | undefined;
}): Promise<OpenedAudio> {
  const packets = readPackets({ input, format, table, store });
  const first = await packets.next();
  if (first.done) throw damaged("CAF", "the file has no packets");
  const codec = makeCodec(first.value);
  const { sampleRateHz, channelCount } = codec;
  const toCodecRate = (frames: number): number => Math.round((frames * sampleRateHz) / format.sampleRateHz);
  const skipFrames = toCodecRate(table.primingFrames);
  const validFrames = table.validFrames === undefined ? undefined : toCodecRate(table.validFrames);
  return {
    format: `caf-${codec.name}`,
    sampleRateHz,
    channelCount,
    totalFrames: validFrames,
    blocks: decodePackets({
      container: "CAF",
      sampleRateHz,
      channelCount,
      isSurround: codec.isSurround ?? false,
      context,
      packets: countFrames({
        first: first.value,
        rest: packets,
        codec,
        packetCount: table.packetCount,
        limitFrame: validFrames && skipFrames + validFrames,
      }),
      createDecoder: codec.createDecoder,
      skipFrames,
    }),
  };
}

// ---

/** Larger packets are not written by any encoder. */
const MAX_PACKET_BYTES = 2 ** 20;
const PADDED_PACKETS = 3;

async function* readPackets({
  input,
  format,
  table,
  store,
}: {
  readonly input: ByteReader;
  readonly format: CafFormat;
  readonly table: PacketTable;
  readonly store: ByteStore | undefined;
}): AsyncGenerator<Uint8Array, void, undefined> {
  const { entries, packetCount } = table;
  let at = 0;
  let offset = 0;
  function number(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = entries[at++];
      if (byte === undefined) throw damaged("CAF", "the packet table is cut short");
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
    throw damaged("CAF", "the packet table is damaged");
  }
  for (let i = 0; i < packetCount; i++) {
    const size = format.packetBytes || number();
    if (format.packetFrames === 0) number();
    if (size > MAX_PACKET_BYTES)
      throw damaged("CAF", `a packet must be at most ${MAX_PACKET_BYTES} bytes, got ${size}`);
    const data = store ? store.read(offset, size) : (await input.read(size)).slice();
    if (!data || data.length < size) {
      throw truncated("CAF", `the file is truncated, ${packetCount - i} of ${packetCount} packets are missing`);
    }
    offset += size;
    if (size > 0) yield data;
  }
}

async function* countFrames({
  first,
  rest,
  codec,
  packetCount,
  limitFrame = 0,
}: {
  readonly first: Uint8Array;
  readonly rest: AsyncGenerator<Uint8Array, void, undefined>;
  readonly codec: TrackCodec;
  readonly packetCount: number;
  readonly limitFrame: number | undefined;
}): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  let endFrame = 0;
  let count = 0;
  let isCounted: boolean | undefined;
  function packetOf(data: Uint8Array): EncodedPacket {
    // Only the last packets are padded: a count that ends before them is wrong.
    if (++count > packetCount - PADDED_PACKETS) isCounted ??= limitFrame > endFrame;
    endFrame += framesOf(data);
    return { data, endFrame, ...(isCounted && { limitFrame }) };
  }
  yield packetOf(first);
  for await (const data of rest) yield packetOf(data);
}
