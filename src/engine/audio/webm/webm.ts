import { AAC_RATES_HZ, parseAudioSpecificConfig } from "../aac/aac.ts";
import type { EbmlElement } from "./ebml.ts";
import { UNKNOWN_SIZE, parseElements, parseFloatElement, parseUnsigned, parseVint, readElementHeader } from "./ebml.ts";
import { parseOpusHead } from "../codec/opus.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, foreign, truncated, unsupported } from "../refuse.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import { aacTrack, alacTrack, flacTrack, mpegTrack, opusTrack, pcmTrack, vorbisTrack } from "../codec/track-codecs.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/**
 * WebM and Matroska: the first audio track with Opus, Vorbis, AAC, FLAC, ALAC, MP3 or PCM. Packets are joined one after
 * the other, their time stamps are not looked at. Segments and clusters of unknown size (live recordings) are read to
 * the end of the body.
 *
 * Truncation policy: a body that ends inside an element, or before the end its segment declares, is `invalid_audio`.
 */
export async function openWebm(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const walk = createWalk(input);
  const { track, durationS } = await readHead(walk);
  const packets = readPackets(walk, track);
  const first = await packets.next();
  if (first.done) throw damaged("WebM", "the file has no audio packets");
  const codec = codecOf(track, first.value.data);
  return {
    format: codec.name === "opus" || codec.name === "vorbis" ? `webm-${codec.name}` : `matroska-${codec.name}`,
    sampleRateHz: codec.sampleRateHz,
    channelCount: codec.channelCount,
    totalFrames: durationS === undefined ? undefined : Math.round(durationS * codec.sampleRateHz),
    blocks: decodePackets({
      container: "WebM",
      sampleRateHz: codec.sampleRateHz,
      channelCount: codec.channelCount,
      context,
      packets: countFrames(first.value, packets, codec),
      createDecoder: codec.createDecoder,
      skipFrames: skipOf(track, codec),
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
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;

/** Elements we keep whole: all others are skipped or walked into. */
const MAX_STORED_BYTES = 16 * 2 ** 20;

interface Walk {
  /** The next element at any level; masters that only hold others are walked into. undefined at the end. */
  next(): Promise<{ id: number; size: number } | undefined>;
  /** Reads an element's body. The caller owns it. */
  store(size: number): Promise<Uint8Array>;
  skip(size: number): Promise<void>;
  readonly input: ByteReader;
}

function createWalk(input: ByteReader): Walk {
  let segmentEnd = Number.POSITIVE_INFINITY;
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
          if (segmentEnd !== Number.POSITIVE_INFINITY) throw truncated("WebM", "the file is truncated");
          return undefined;
        }
        if (element.id === ID.segment) {
          if (element.size !== UNKNOWN_SIZE) segmentEnd = input.position + element.size;
        } else if (element.id !== ID.cluster) {
          if (element.size === UNKNOWN_SIZE) {
            throw damaged("WebM", `the file is damaged before byte ${input.position}`);
          }
          return element;
        }
      }
    },
    async store(size) {
      if (size > MAX_STORED_BYTES) throw unsupported("WebM", `an element of ${size} bytes is too large`);
      const body = (await input.read(size)).slice();
      if (body.length < size) throw truncated("WebM", "the file is truncated");
      return body;
    },
    async skip(size) {
      if ((await input.skip(size)) < size) throw truncated("WebM", "the file is truncated");
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

async function readHead(walk: Walk): Promise<{ track: Track; durationS: number | undefined }> {
  let durationS: number | undefined;
  for (;;) {
    const element = await walk.next();
    if (!element) throw truncated("WebM", "the file ends before its list of tracks");
    if (element.id === ID.info) durationS = parseDuration(parseElements(await walk.store(element.size)));
    else if (element.id === ID.tracks) {
      return { track: chooseTrack(parseElements(await walk.store(element.size))), durationS };
    } else if (element.id === ID.simpleBlock || element.id === ID.blockGroup) {
      throw damaged("WebM", "the audio comes before the list of tracks");
    } else await walk.skip(element.size);
  }
}

function parseDuration(info: readonly EbmlElement[]): number | undefined {
  const scale = find(info, 0x2ad7b1);
  const duration = find(info, 0x4489);
  if (!duration) return undefined;
  const seconds = (parseFloatElement(duration) * (scale ? parseUnsigned(scale) : 1_000_000)) / 1e9;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

function chooseTrack(tracks: readonly EbmlElement[]): Track {
  const entries = tracks.filter(({ id }) => id === 0xae).map(({ body }) => parseElements(body));
  const audio = entries.find((entry) => number(entry, 0x83) === 2);
  if (!audio) throw foreign(entries.length > 0 ? "video without an audio track" : "WebM without any track");
  const details = parseElements(find(audio, 0xe1) ?? new Uint8Array(0));
  const frequency = find(details, 0xb5);
  return {
    number: number(audio, 0xd7),
    codecId: Buffer.from(find(audio, 0x86) ?? [])
      .toString("latin1")
      .replace(/\0.*/s, ""),
    privateData: find(audio, 0x63a2) ?? new Uint8Array(0),
    sampleRateHz: frequency ? Math.round(parseFloatElement(frequency)) : 8000,
    channelCount: number(details, 0x9f) || 1,
    bitDepth: number(details, 0x6264),
    delayNs: number(audio, 0x56aa),
    prefix: parseEncodings(find(audio, 0x6d80)),
  };
}

/** Only the removal of common first bytes is supported of the encodings a track can have. */
function parseEncodings(body: Uint8Array | undefined): Uint8Array {
  if (!body) return new Uint8Array(0);
  const encodings = parseElements(body).filter(({ id }) => id === 0x6240);
  const compression = encodings.length === 1 ? find(parseElements(encodings[0]!.body), 0x5034) : undefined;
  const settings = compression && parseElements(compression);
  if (!settings || number(settings, 0x4254) !== 3) {
    throw unsupported("WebM", "the track is encrypted or compressed", "remux");
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
  /** Of its last samples, in nanoseconds. */
  readonly discardNs: number;
}

async function* readPackets(walk: Walk, track: Track): AsyncGenerator<Block, void, undefined> {
  for (;;) {
    const element = await walk.next();
    if (!element) return;
    const isGroup = element.id === ID.blockGroup;
    if (element.id !== ID.simpleBlock && !isGroup) {
      await walk.skip(element.size);
      continue;
    }
    if (!isGroup) {
      const head = parseVint(await walk.input.peek(Math.min(8, element.size)), 0);
      if (head?.value !== track.number) {
        await walk.skip(element.size);
        continue;
      }
    }
    const body = await walk.store(element.size);
    const children = isGroup ? parseElements(body) : [];
    const block = isGroup ? find(children, ID.block) : body;
    if (!block) continue;
    const padding = find(children, ID.discardPadding);
    const packets = parseBlock(block, track.number);
    for (const [i, data] of packets.entries()) {
      const whole = track.prefix.length > 0 ? new Uint8Array(Buffer.concat([track.prefix, data])) : data;
      const discardNs = padding && i === packets.length - 1 ? parseSigned(padding) : 0;
      if (whole.length > 0) yield { data: whole, discardNs };
    }
  }
}

/** The packets of a block, when it is one of our track. */
function parseBlock(block: Uint8Array, trackNumber: number): Uint8Array[] {
  const track = parseVint(block, 0);
  if (!track || track.end + 3 > block.length) throw damaged("WebM", "a block is cut short");
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
      if (!vint) throw damaged("WebM", "the lacing of a block is broken");
      // All sizes but the first are differences, coded around the middle of their range.
      size = i === 0 ? vint.value : size + vint.value - (2 ** (7 * (vint.end - at) - 1) - 1);
      at = vint.end;
      sizes.push(size);
    }
  }
  sizes.push(left());
  if (sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    throw damaged("WebM", "the lacing of a block is broken");
  }
  return sizes.map((size) => {
    at += size;
    return block.subarray(at - size, at);
  });
}

async function* countFrames(
  first: Block,
  rest: AsyncGenerator<Block, void, undefined>,
  codec: TrackCodec,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = codec.createCounter();
  let endFrame = 0;
  function packetOf({ data, discardNs }: Block): EncodedPacket {
    endFrame += framesOf(data);
    if (discardNs <= 0) return { data, endFrame };
    return { data, endFrame, limitFrame: endFrame - Math.round((discardNs * codec.sampleRateHz) / 1e9) };
  }
  yield packetOf(first);
  for await (const block of rest) yield packetOf(block);
}

function parseSigned(body: Uint8Array): number {
  return body.length > 0 && body.length <= 8 ? Number(BigInt.asIntN(8 * body.length, BigInt(parseUnsigned(body)))) : 0;
}

// --- codecs

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
    case "A_PCM/INT/LIT": {
      const encoding = ({ 8: "u8", 16: "s16le", 24: "s24le", 32: "s32le" } as const)[bitDepth];
      if (!encoding) throw unsupported("PCM", `${bitDepth} bits are not supported`);
      return pcmTrack(encoding, sampleRateHz, channelCount);
    }
    case "A_PCM/FLOAT/IEEE":
      return pcmTrack(bitDepth === 64 ? "f64le" : "f32le", sampleRateHz, channelCount);
  }
  if (codecId === "A_AAC" || codecId.startsWith("A_AAC/")) {
    if (privateData.length > 0) return aacTrack(parseAudioSpecificConfig(privateData));
    if (AAC_RATES_HZ.includes(sampleRateHz)) return aacTrack({ objectType: 2, sampleRateHz, channelCount });
  }
  throw unsupported("WebM", `the codec ${codecId.replace(/[^\w/.-]/g, "?").slice(0, 40)} is not supported`);
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
