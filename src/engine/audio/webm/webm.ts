import { parseAudioSpecificConfig, plainConfig } from "../aac/aac.ts";
import type { EbmlElement } from "./ebml.ts";
import { UNKNOWN_SIZE, parseElements, parseFloatElement, parseUnsigned, parseVint, readElementHeader } from "./ebml.ts";
import { parseOpusHead } from "../codec/opus.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { AudioError } from "../../../shared/audio-problem.ts";
import { damaged, foreign, truncated, unsupported } from "../refuse.ts";
import { chooseTrack } from "../choose-track.ts";
import type { SampleEncoding } from "../codec/pcm.ts";
import { parseFields } from "../wav/header.ts";
import { findShape, TAG_MP3 } from "../wav/shape.ts";
import { waveCodec } from "../wav/wave-codecs.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import {
  aacTrack,
  ac3Track,
  alacTrack,
  dtsTrack,
  flacTrack,
  mpegTrack,
  opusTrack,
  pcmTrack,
  vorbisTrack,
} from "../codec/track-codecs.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/**
 * WebM and Matroska: one audio track with Opus, Vorbis, AAC, FLAC, ALAC, MP3 or PCM. Packets follow each other; where
 * their time stamps leave a pause, it becomes silence. Segments and clusters of unknown size (live recordings) are read
 * to the end of the body.
 *
 * A body that ends inside an element, or before the end its segment declares, is truncated.
 */
export async function openWebm(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const walk = createWalk(input);
  const { track, durationS, tickNs } = await readHead(walk, context.track);
  const packets = readPackets({ walk, track, tickNs, context });
  const first = await packets.next();
  if (first.done) throw damaged("WebM/Matroska", "the file has no audio packets");
  const codec = codecOf(track, first.value.data);
  const skipFrames = skipOf(track, codec);
  return {
    format: codec.name === "opus" || codec.name === "vorbis" ? `webm-${codec.name}` : `matroska-${codec.name}`,
    sampleRateHz: codec.sampleRateHz,
    channelCount: codec.channelCount,
    totalFrames: durationS === undefined ? undefined : Math.round(durationS * codec.sampleRateHz),
    blocks: decodePackets({
      container: "WebM/Matroska",
      sampleRateHz: codec.sampleRateHz,
      channelCount: codec.channelCount,
      isSurround: codec.isSurround ?? false,
      context,
      packets: countFrames({ first: first.value, rest: packets, codec, skipFrames }),
      createDecoder: codec.createDecoder,
      skipFrames,
    }),
  };
}

// --- walking the elements

const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  tracks: 0x1654ae6b,
  cluster: 0x1f43b675,
  clusterTime: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;

/** What may stand in a segment behind its first cluster: anything else is damage. */
const KNOWN: ReadonlySet<number> = new Set<number>([
  ...Object.values(ID),
  0xec,
  0xbf,
  0xa7,
  0xab,
  0xaf,
  0x5854,
  0x5855,
  0x114d9b74,
  0x1c53bb6b,
  0x1254c367,
  0x1941a469,
  0x1043a770,
]);

/** Elements we keep whole: all others are skipped or walked into. */
const MAX_STORED_BYTES = 16 * 2 ** 20;

interface Walk {
  /** The next element at any level; masters that only hold others are walked into. undefined at the end. */
  next(): Promise<{ id: number; size: number } | undefined>;
  /** Reads an element's body. The caller owns it. */
  store(size: number): Promise<Uint8Array>;
  skip(size: number): Promise<void>;
  /** Passes over damage, to the next cluster; false when there is none. */
  recover(): Promise<boolean>;
  readonly input: ByteReader;
}

function createWalk(input: ByteReader): Walk {
  let segmentEnd = Number.POSITIVE_INFINITY;
  let clusterEnd = Number.POSITIVE_INFINITY;
  let hasCluster = false;
  return {
    input,
    async next() {
      for (;;) {
        if (input.position >= segmentEnd) {
          // Recorders that were stopped and started again append a whole new file; anything else is a tag.
          if (Buffer.from(await input.peek(4)).toString("latin1") !== "\x1aE\xdf\xa3") return undefined;
          segmentEnd = Number.POSITIVE_INFINITY;
        }
        const element = await readElementHeader(input);
        if (!element) {
          if (segmentEnd !== Number.POSITIVE_INFINITY) throw truncated("WebM/Matroska", "the file is truncated");
          return undefined;
        }
        if (element.id === ID.segment) {
          if (element.size !== UNKNOWN_SIZE) segmentEnd = input.position + element.size;
        } else if (element.id === ID.cluster) {
          hasCluster = true;
          clusterEnd = element.size === UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : input.position + element.size;
        } else {
          const isInCluster = input.position < clusterEnd;
          if (hasCluster && !KNOWN.has(element.id)) {
            throw damaged("WebM/Matroska", `the file is damaged before byte ${input.position}`);
          }
          if (element.size === UNKNOWN_SIZE || (isInCluster && input.position + element.size > clusterEnd)) {
            throw damaged("WebM/Matroska", `the file is damaged before byte ${input.position}`);
          }
          return element;
        }
      }
    },
    async store(size) {
      if (size > MAX_STORED_BYTES) throw unsupported("WebM/Matroska", `an element of ${size} bytes is too large`);
      const body = (await input.read(size)).slice();
      if (body.length < size) throw truncated("WebM/Matroska", "the file is truncated");
      return body;
    },
    async recover() {
      clusterEnd = Number.POSITIVE_INFINITY;
      await input.skip(1);
      for (;;) {
        const bytes = await input.peek(65_536);
        const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("\x1f\x43\xb6\x75", 0, "latin1");
        await input.skip(at >= 0 ? at : Math.max(1, bytes.length - 3));
        if (at >= 0 || bytes.length < 4) return at >= 0;
      }
    },
    async skip(size) {
      if ((await input.skip(size)) < size) throw truncated("WebM/Matroska", "the file is truncated");
    },
  };
}

// --- head

interface Track {
  readonly number: number;
  readonly codecId: string;
  readonly privateData: Uint8Array;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly bitDepth: number;
  /** Codec delay in nanoseconds, 0 when the container does not say it. */
  readonly delayNs: number;
  /** Bytes to put before every packet (header stripping). */
  readonly prefix: Uint8Array;
}

async function readHead(
  walk: Walk,
  wanted: string | undefined,
): Promise<{ track: Track; durationS: number | undefined; tickNs: number }> {
  let durationS: number | undefined;
  let tickNs = 1_000_000;
  for (;;) {
    const element = await walk.next();
    if (!element) throw truncated("WebM/Matroska", "the file ends before its list of tracks");
    if (element.id === ID.info) {
      const info = parseElements(await walk.store(element.size));
      tickNs = number(info, 0x2ad7b1) || tickNs;
      durationS = parseDuration(info, tickNs);
    } else if (element.id === ID.tracks) {
      return { track: findTrack(parseElements(await walk.store(element.size)), wanted), durationS, tickNs };
    } else if (element.id === ID.simpleBlock || element.id === ID.blockGroup) {
      throw damaged("WebM/Matroska", "the audio comes before the list of tracks");
    } else await walk.skip(element.size);
  }
}

function parseDuration(info: readonly EbmlElement[], tickNs: number): number | undefined {
  const duration = find(info, 0x4489);
  if (!duration) return undefined;
  const seconds = (parseFloatElement(duration) * tickNs) / 1e9;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

function findTrack(tracks: readonly EbmlElement[], wanted: string | undefined): Track {
  const entries = tracks.filter(({ id }) => id === 0xae).map(({ body }) => parseElements(body));
  const audio = entries.filter((entry) => number(entry, 0x83) === 2);
  if (audio.length === 0) {
    throw foreign(entries.length > 0 ? "video without an audio track" : "WebM without any track");
  }
  return chooseTrack({
    container: "WebM/Matroska",
    wanted,
    tracks: audio.map((entry) => ({
      language: text(find(entry, 0x22b59d)) || text(find(entry, 0x22b59c)) || "eng",
      isDefault: (find(entry, 0x88)?.at(-1) ?? 1) === 1,
      open: () => parseTrack(entry),
    })),
  });
}

function parseTrack(entry: readonly EbmlElement[]): Track {
  const details = parseElements(find(entry, 0xe1) ?? new Uint8Array(0));
  const frequency = find(details, 0xb5);
  const codecId = text(find(entry, 0x86));
  if (!isKnownCodec(codecId)) {
    const name = CODEC_NAMES.find(([prefix]) => codecId.startsWith(prefix))?.[1];
    const shown = name ?? `the codec ${codecId.replace(/[^\w/.-]/g, "?").slice(0, 40)}`;
    throw unsupported("WebM/Matroska", `${shown} is not supported`, "convert");
  }
  return {
    number: number(entry, 0xd7),
    codecId,
    privateData: find(entry, 0x63a2) ?? new Uint8Array(0),
    sampleRateHz: frequency ? Math.round(parseFloatElement(frequency)) : 8000,
    channelCount: number(details, 0x9f) || 1,
    bitDepth: number(details, 0x6264),
    delayNs: number(entry, 0x56aa),
    prefix: parseEncodings(find(entry, 0x6d80)),
  };
}

function text(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? [])
    .toString("latin1")
    .replace(/\0.*/s, "");
}

function isKnownCodec(codecId: string): boolean {
  return /^A_(?:OPUS|E?AC3|DTS|VORBIS|FLAC|ALAC|MPEG\/L[23]|PCM\/(?:INT\/(?:LIT|BIG)|FLOAT\/IEEE)|AAC(?:\/.*)?|MS\/ACM)$/.test(
    codecId,
  );
}

/** Codecs that people meet and that cannot be decoded here, by the beginning of their id. */
const CODEC_NAMES: readonly (readonly [prefix: string, name: string])[] = [
  ["A_DTS/", "DTS-HD"],
  ["A_TRUEHD", "Dolby TrueHD"],
  ["A_MLP", "Meridian Lossless Packing"],
  ["A_TTA1", "True Audio"],
  ["A_WAVPACK4", "WavPack"],
  ["A_REAL", "RealAudio"],
  ["A_MPEG/L1", "MPEG layer I"],
  ["A_QUICKTIME", "a QuickTime codec"],
];

/** Only the removal of common first bytes is supported of the encodings a track can have. */
function parseEncodings(body: Uint8Array | undefined): Uint8Array {
  if (!body) return new Uint8Array(0);
  const encodings = parseElements(body).filter(({ id }) => id === 0x6240);
  const compression = encodings.length === 1 ? find(parseElements(encodings[0]!.body), 0x5034) : undefined;
  const settings = compression && parseElements(compression);
  if (!settings || number(settings, 0x4254) !== 3) {
    throw unsupported("WebM/Matroska", "the track is encrypted or compressed", "remux");
  }
  return find(settings, 0x4255) ?? new Uint8Array(0);
}

function find(elements: readonly EbmlElement[], id: number): Uint8Array | undefined {
  return elements.find((element) => element.id === id)?.body;
}

function number(elements: readonly EbmlElement[], id: number): number {
  const body = find(elements, id);
  return body ? parseUnsigned(body) : 0;
}

// --- packets

interface Block {
  readonly data: Uint8Array;
  /** When its first sample is heard, in nanoseconds from the first block of any track; undefined for laced packets. */
  readonly timeNs: number | undefined;
  /** Of its last samples, in nanoseconds. */
  readonly discardNs: number;
}

interface PacketSource {
  readonly walk: Walk;
  readonly track: Track;
  readonly tickNs: number;
  readonly context: OpenContext;
}

/** The packets of the track. Where the file is damaged they go on at the next cluster. */
async function* readPackets({ walk, track, tickNs, context }: PacketSource): AsyncGenerator<Block, void, undefined> {
  const clock: Clock = { clusterTime: 0, startTime: undefined };
  let isStarted = false;
  for (;;) {
    try {
      const blocks = await readElement({ walk, track, tickNs, clock });
      if (!blocks) return;
      yield* blocks;
      isStarted ||= blocks.length > 0;
    } catch (error) {
      if (!(error instanceof AudioError) || error.problem.reason !== "damaged") throw error;
      const goesOn = await walk.recover();
      if (!goesOn && !isStarted) throw error;
      context.warn("damaged", error.message);
      if (!goesOn) return;
    }
  }
}

interface Clock {
  clusterTime: number;
  /** Of the first block of any track. */
  startTime: number | undefined;
}

/** The packets of the next element, none when it has none; undefined at the end. */
async function readElement({
  walk,
  track,
  tickNs,
  clock,
}: Omit<PacketSource, "context"> & { readonly clock: Clock }): Promise<Block[] | undefined> {
  const element = await walk.next();
  if (!element) return undefined;
  if (element.id === ID.clusterTime) {
    clock.clusterTime = parseUnsigned(await walk.store(element.size));
    return [];
  }
  const isGroup = element.id === ID.blockGroup;
  if (element.id !== ID.simpleBlock && !isGroup) {
    await walk.skip(element.size);
    return [];
  }
  if (!isGroup) {
    const bytes = await walk.input.peek(Math.min(12, element.size));
    const head = parseVint(bytes, 0);
    if (head) clock.startTime ??= clock.clusterTime + timeAt(bytes, head.end);
    if (head?.value !== track.number) {
      await walk.skip(element.size);
      return [];
    }
  }
  const body = await walk.store(element.size);
  const children = isGroup ? parseElements(body) : [];
  const block = isGroup ? find(children, ID.block) : body;
  if (!block) return [];
  const padding = find(children, ID.discardPadding);
  const number = parseVint(block, 0);
  const time = clock.clusterTime + (number ? timeAt(block, number.end) : 0);
  clock.startTime ??= time;
  const start = clock.startTime;
  const packets = parseBlock(block, track.number);
  const blocks = packets.map((data, i): Block => {
    const whole = track.prefix.length > 0 ? new Uint8Array(Buffer.concat([track.prefix, data])) : data;
    const discardNs = padding && i === packets.length - 1 ? parseSigned(padding) : 0;
    return { data: whole, timeNs: i === 0 ? (time - start) * tickNs : undefined, discardNs };
  });
  return blocks.filter(({ data }) => data.length > 0);
}

/** A block's time from its cluster's, in ticks. */
function timeAt(block: Uint8Array, at: number): number {
  return block.length < at + 2 ? 0 : (((block[at]! << 8) | block[at + 1]!) << 16) >> 16;
}

/** The packets of a block, when it is one of our track. */
function parseBlock(block: Uint8Array, trackNumber: number): Uint8Array[] {
  const track = parseVint(block, 0);
  if (!track || track.end + 3 > block.length) throw damaged("WebM/Matroska", "a block is cut short");
  if (track.value !== trackNumber) return [];
  const lacing = (block[track.end + 2]! >> 1) & 3;
  let at = track.end + 3;
  if (lacing === 0) return [block.subarray(at)];
  const count = (block[at++] ?? 0) + 1;
  const sizes: number[] = [];
  const left = (): number => block.length - at - sizes.reduce((sum, size) => sum + size, 0);

  if (lacing === 2) {
    const each = left() / count;
    for (let i = 0; i < count - 1; i++) sizes.push(each);
  } else if (lacing === 1) {
    for (let i = 0; i < count - 1; i++) {
      let size = 0;
      let lace: number;
      do {
        lace = block[at++] ?? 0;
        size += lace;
      } while (lace === 255);
      sizes.push(size);
    }
  } else {
    let size = 0;
    for (let i = 0; i < count - 1; i++) {
      const vint = parseVint(block, at);
      if (!vint) throw damaged("WebM/Matroska", "the lacing of a block is broken");
      // All sizes but the first are differences, coded around the middle of their range.
      size = i === 0 ? vint.value : size + vint.value - (2 ** (7 * (vint.end - at) - 1) - 1);
      at = vint.end;
      sizes.push(size);
    }
  }
  sizes.push(left());
  if (sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    throw damaged("WebM/Matroska", "the lacing of a block is broken");
  }
  return sizes.map((size) => {
    at += size;
    return block.subarray(at - size, at);
  });
}

interface CountOptions {
  readonly first: Block;
  readonly rest: AsyncGenerator<Block, void, undefined>;
  readonly codec: TrackCodec;
  readonly skipFrames: number;
}

async function* countFrames({
  first,
  rest,
  codec,
  skipFrames,
}: CountOptions): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  const toFrames = (ns: number): number => Math.round((ns * codec.sampleRateHz) / 1e9);
  let endFrame = 0;
  function packetOf({ data, timeNs, discardNs }: Block): EncodedPacket {
    endFrame += framesOf(data);
    return {
      data,
      endFrame,
      ...(timeNs !== undefined && { atFrame: toFrames(timeNs) - skipFrames }),
      ...(discardNs > 0 && { limitFrame: endFrame - toFrames(discardNs) }),
    };
  }
  yield packetOf(first);
  for await (const block of rest) yield packetOf(block);
}

function parseSigned(body: Uint8Array): number {
  return body.length > 0 && body.length <= 8 ? Number(BigInt.asIntN(8 * body.length, BigInt(parseUnsigned(body)))) : 0;
}

// --- codecs

const PCM_LITTLE: Readonly<Record<number, SampleEncoding>> = { 8: "u8", 16: "s16le", 24: "s24le", 32: "s32le" };
const PCM_BIG: Readonly<Record<number, SampleEncoding>> = { 8: "s8", 16: "s16be", 24: "s24be", 32: "s32be" };

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function codecOf(track: Track, firstPacket: Uint8Array): TrackCodec {
  const { codecId, privateData, sampleRateHz, channelCount, bitDepth } = track;
  switch (codecId) {
    case "A_OPUS":
      return opusTrack(parseOpusHead(privateData));
    case "A_VORBIS": {
      const [identification, , setup] = splitXiph(privateData);
      return vorbisTrack(identification!, setup);
    }
    case "A_FLAC":
      if (privateData.length < 42) throw damaged("FLAC", "the STREAMINFO block is cut short");
      return flacTrack(privateData.subarray(8, 42));
    case "A_ALAC":
      return alacTrack(privateData);
    case "A_MPEG/L3":
    case "A_MPEG/L2":
      return mpegTrack(firstPacket);
    case "A_PCM/INT/LIT":
    case "A_PCM/INT/BIG": {
      const kinds = codecId.endsWith("LIT") ? PCM_LITTLE : PCM_BIG;
      const encoding = kinds[bitDepth];
      if (!encoding) throw unsupported("PCM", `${bitDepth} bits are not supported`);
      return pcmTrack(encoding, sampleRateHz, channelCount);
    }
    case "A_AC3":
    case "A_EAC3":
      return ac3Track(firstPacket);
    case "A_DTS":
      return dtsTrack(sampleRateHz, channelCount);
    case "A_MS/ACM": {
      const fields = parseFields(viewOf(privateData), false);
      if (fields.tag === TAG_MP3) return mpegTrack(firstPacket);
      const coded = waveCodec(fields);
      if (coded) return coded;
      const shape = findShape(fields, new Uint8Array(0));
      if (!shape) throw unsupported("WebM/Matroska", "the codec of this WAV track is not supported", "convert");
      return pcmTrack(shape.encoding, shape.sampleRateHz, shape.channelCount);
    }
    case "A_PCM/FLOAT/IEEE":
      return pcmTrack(bitDepth === 64 ? "f64le" : "f32le", sampleRateHz, channelCount);
  }
  if (codecId === "A_AAC" || codecId.startsWith("A_AAC/")) {
    const config = privateData.length > 0 ? privateData : plainConfig(sampleRateHz, channelCount);
    if (config) return aacTrack(parseAudioSpecificConfig(config));
  }
  throw damaged("AAC", "the decoder configuration is missing");
}

function skipOf(track: Track, codec: TrackCodec): number {
  // Muxers have written the encoder's number at another rate here: the codec's own header is right.
  if (codec.name === "opus" || track.delayNs === 0) return codec.skipFrames;
  return Math.round((track.delayNs * codec.sampleRateHz) / 1e9);
}

/** The three header packets of Vorbis, as Matroska stores them. */
function splitXiph(bytes: Uint8Array): Uint8Array[] {
  let at = 1;
  const sizes: number[] = [];
  for (let i = 0; i < 2; i++) {
    let size = 0;
    let lace: number;
    do {
      lace = bytes[at++] ?? 0;
      size += lace;
    } while (lace === 255);
    sizes.push(size);
  }
  const second = at + sizes[0]!;
  const third = second + sizes[1]!;
  if (bytes[0] !== 2 || third >= bytes.length) throw damaged("Vorbis", "the headers are broken");
  return [bytes.subarray(at, second), bytes.subarray(second, third), bytes.subarray(third)];
}
