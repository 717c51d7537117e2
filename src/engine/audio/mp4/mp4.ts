import { keepParts } from "./edits.ts";
import { createByteStore, MAX_STORED_BYTES } from "../input/byte-store.ts";
import type { ByteStore } from "../input/byte-store.ts";
import { typeAt, viewOf } from "./boxes.ts";
import type { Sample } from "./samples.ts";
import { firstDuration, listFragment, listSamples, summarise } from "./samples.ts";
import type { Mp4Track } from "./track.ts";
import { parseMoov } from "./track.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import { createRepeats } from "../codec/repeats.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, foreign, truncated, unsupported } from "../refuse.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/**
 * MP4, M4A and QuickTime: one audio track, plain, fragmented or both. The edit list takes out the encoder's delay and
 * padding, and delays a track that begins later than the recording; pauses between packets become silence.
 *
 * A file with its index (`moov`) in front is decoded as it is read; with the index behind, the media before it are kept
 * in memory, up to 512 MiB. Samples that the index promises and the body does not have are a truncated file.
 */
export async function openMp4(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const { track, store } = await readHead(input, context);
  const samples = track.fragments ? readFragmented(input, track, store) : readSamples(input, track, store);
  const first = await samples.next();
  if (first.done) throw damaged("MP4", "the audio track is empty");
  const codec = track.codecOf(first.value.data);
  const { sampleRateHz, channelCount } = codec;
  const toFrames = (units: number): number => Math.round((units * sampleRateHz) / track.timescale);
  const { first: edit, delay, parts } = track.edits;
  // The first packet of Vorbis has a duration and no sound.
  const silentUnits = codec.name === "vorbis" ? firstDuration(track) : 0;
  const skipFrames = edit ? toFrames(Math.max(0, edit.start - silentUnits)) : codec.skipFrames;
  const limitFrame = edit?.length === undefined ? undefined : skipFrames + toFrames(edit.length);
  const decodedFrames = track.fragments ? undefined : toFrames(summarise(track).duration);
  const blocks = decodePackets({
    container: "MP4",
    sampleRateHz,
    channelCount,
    isSurround: codec.isSurround ?? false,
    context,
    packets: countFrames({
      first: first.value,
      rest: samples,
      codec,
      limitFrame,
      frameOf: (time) => toFrames(time + delay - silentUnits) - skipFrames,
    }),
    createDecoder: codec.createDecoder,
    skipFrames,
  });
  return {
    format: `mp4-${codec.name}`,
    sampleRateHz,
    channelCount,
    totalFrames: decodedFrames && Math.max(0, Math.min(decodedFrames, limitFrame ?? decodedFrames) - skipFrames),
    blocks: parts.length > 0 ? keepParts(blocks, track.edits, track.timescale) : blocks,
  };
}

// --- top level

/** No index of a recording that fits a body comes near this. */
const MAX_INDEX_BYTES = 64 * 2 ** 20;

const TOO_LATE = "the index comes after more than 512 MiB of media";

interface BoxHeader {
  readonly type: string;
  /** Where the box begins in the file. */
  readonly offset: number;
  /** Infinity = to the end of the file. */
  readonly bodyBytes: number;
}

async function readBoxHeader(input: ByteReader): Promise<BoxHeader | undefined> {
  const offset = input.position;
  const head = await input.peek(16);
  if (head.length === 0) return undefined;
  if (head.length < 8) throw truncated("MP4", "the file is truncated");
  const view = viewOf(head);
  const type = typeAt(head, 4);
  let size = view.getUint32(0);
  let headerBytes = 8;
  if (size === 1) {
    if (head.length < 16) throw truncated("MP4", "the file is truncated");
    size = Number(view.getBigUint64(8));
    headerBytes = 16;
  } else if (size === 0) size = Number.POSITIVE_INFINITY;
  if (size < headerBytes) throw damaged("MP4", `the file is damaged at byte ${offset}`);
  await input.skip(headerBytes);
  return { type, offset, bodyBytes: size - headerBytes };
}

/** As `readBoxHeader`, behind the index: bytes that are not a box end the file, as what a form or a recorder leaves there. */
async function readNextBox(input: ByteReader): Promise<BoxHeader | undefined> {
  const head = await input.peek(8);
  const isBox =
    head.length === 8 && /^[\w \xa9-]{4}$/.test(typeAt(head, 4)) && isPossibleSize(viewOf(head).getUint32(0));
  return isBox ? await readBoxHeader(input) : undefined;
}

/** 0 and 1 mean the end of the file and a length of 64 bits. */
function isPossibleSize(bytes: number): boolean {
  return bytes < 2 || bytes >= 8;
}

async function readBody(input: ByteReader, { type, bodyBytes }: BoxHeader): Promise<Uint8Array> {
  if (bodyBytes > MAX_INDEX_BYTES) throw unsupported("MP4", `the ${type} box is too large (${bodyBytes} bytes)`);
  const body = (await input.read(bodyBytes)).slice();
  if (body.length < bodyBytes) throw truncated("MP4", "the file is truncated");
  return body;
}

async function skipBody(input: ByteReader, { bodyBytes }: BoxHeader): Promise<void> {
  const skipped = await input.skip(bodyBytes);
  if (skipped < bodyBytes && bodyBytes !== Number.POSITIVE_INFINITY) throw truncated("MP4", "the file is truncated");
}

/** Reads up to the index. `store` holds the media, when they must be read in another order than they come. */
async function readHead(
  input: ByteReader,
  context: OpenContext,
): Promise<{ track: Mp4Track; store: ByteStore | undefined }> {
  let store: ByteStore | undefined;
  for (;;) {
    const box = await readBoxHeader(input);
    if (!box) {
      throw truncated("MP4", "the file has no index (moov box): the recording was not finished or is truncated");
    }
    if (box.type === "ftyp") {
      const brand = typeAt(await readBody(input, box), 0);
      if (/^(?:heic|heix|mif1|msf1|avif|avis)$/.test(brand)) throw foreign("an image (HEIF)");
    } else if (box.type === "mdat") {
      // Known at once: the upload need not go on.
      if (Number.isFinite(box.bodyBytes) && box.bodyBytes > MAX_STORED_BYTES)
        throw unsupported("MP4", TOO_LATE, "remux");
      store ??= createByteStore("MP4", TOO_LATE);
      await keep(input, store, box);
    } else if (box.type === "moov") {
      const track = parseMoov(await readBody(input, box), context.track);
      if (track.fragments) return { track, store };
      const { isOrdered, firstOffset } = summarise(track);
      if (!store && isOrdered && firstOffset >= input.position) return { track, store };
      store ??= createByteStore("MP4", TOO_LATE);
      for (let rest = await readNextBox(input); rest; rest = await readNextBox(input)) {
        if (rest.type === "mdat") await keep(input, store, rest);
        else await input.skip(rest.bodyBytes);
      }
      return { track, store };
    } else {
      await skipBody(input, box);
    }
  }
}

/** Keeps what is there of a box; what is missing shows when a sample wants it. */
async function keep(input: ByteReader, store: ByteStore, { bodyBytes }: BoxHeader): Promise<void> {
  let left = bodyBytes;
  while (left > 0) {
    const at = input.position;
    const bytes = await input.next(Math.min(left, 65_536));
    if (!bytes) return;
    store.add(at, bytes);
    left -= bytes.length;
  }
}

// --- samples

interface ReadSample {
  readonly data: Uint8Array;
  /** In the time scale of the track. */
  readonly time: number;
}

async function* readSamples(
  input: ByteReader,
  track: Mp4Track,
  store: ByteStore | undefined,
): AsyncGenerator<ReadSample, void, undefined> {
  for (const sample of listSamples(track)) {
    if (sample.size > 0) yield { data: await readSample(input, sample, store), time: sample.time };
  }
}

async function readSample(input: ByteReader, sample: Sample, store: ByteStore | undefined): Promise<Uint8Array> {
  const stored = store?.read(sample.offset, sample.size);
  if (stored) return stored;
  if (store) throw truncated("MP4", "the file is truncated");
  const ahead = sample.offset - input.position;
  if (ahead < 0) throw damaged("MP4", "the samples overlap");
  await input.skip(ahead);
  const data = (await input.read(sample.size)).slice();
  if (data.length < sample.size) throw truncated("MP4", "the file is truncated");
  return data;
}

/** Samples of the index, as a recorder writes them that finished its first part, then those of the fragments. */
async function* readFragmented(
  input: ByteReader,
  track: Mp4Track,
  store: ByteStore | undefined,
): AsyncGenerator<ReadSample, void, undefined> {
  const plain = listSamples(track);
  let next = plain.next();
  if (store) {
    for (; !next.done; next = plain.next()) {
      if (next.value.size > 0) yield { data: await readSample(input, next.value, store), time: next.value.time };
    }
  }
  let time = summarise(track).duration;
  const repeats = createRepeats();
  for (let box = await readNextBox(input); box; box = await readNextBox(input)) {
    if (box.type === "mdat") {
      const mediaEnd = input.position + box.bodyBytes;
      for (; !next.done && next.value.offset < mediaEnd; next = plain.next()) {
        if (next.value.size > 0) yield { data: await readSample(input, next.value, undefined), time: next.value.time };
      }
      await skipBody(input, { ...box, bodyBytes: mediaEnd - input.position });
      continue;
    }
    if (box.type !== "moof") {
      await skipBody(input, box);
      continue;
    }
    // The samples lie in the mdat box behind. They are listed one at a time: a run may claim billions.
    const samples = listFragment(await readBody(input, box), box.offset, track, time);
    let sample = samples.next();
    if (!sample.done) {
      const mediaEnd = await enterMedia(input);
      for (; !sample.done; sample = samples.next()) {
        const { offset, size } = sample.value;
        if (offset + size > mediaEnd) throw damaged("MP4", "a sample lies outside of its fragment");
        if (size === 0) continue;
        const data = await readSample(input, sample.value, undefined);
        if (!repeats.isRepeat(sample.value.time, data)) yield { data, time: sample.value.time };
      }
      await skipBody(input, { ...box, bodyBytes: mediaEnd - input.position });
    }
    time = sample.value;
  }
}

/** Consumes boxes up to the head of the next mdat; resolves to where it ends. */
async function enterMedia(input: ByteReader): Promise<number> {
  for (;;) {
    const box = await readBoxHeader(input);
    if (!box) throw truncated("MP4", "the file is truncated");
    if (box.type === "mdat") return input.position + box.bodyBytes;
    await skipBody(input, box);
  }
}

interface CountOptions {
  readonly first: ReadSample;
  readonly rest: AsyncGenerator<ReadSample, void, undefined>;
  readonly codec: TrackCodec;
  readonly limitFrame: number | undefined;
  /** Where a time of the track lies on the recording's time line, in frames. */
  readonly frameOf: (time: number) => number;
}

async function* countFrames({
  first,
  rest,
  codec,
  limitFrame,
  frameOf,
}: CountOptions): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  let endFrame = 0;
  function packetOf({ data, time }: ReadSample): EncodedPacket {
    endFrame += framesOf(data);
    return { data, endFrame, atFrame: frameOf(time), ...(limitFrame !== undefined && { limitFrame }) };
  }
  yield packetOf(first);
  for await (const sample of rest) yield packetOf(sample);
}
