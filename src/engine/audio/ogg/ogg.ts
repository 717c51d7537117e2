import type { OggPage, OnDamage, PacketJoiner } from "./pages.ts";
import { createPacketJoiner, cutPage, readOggPage } from "./pages.ts";
import { parseOpusHead } from "../codec/opus.ts";
import type { EncodedPacket } from "../codec/decode-packets.ts";
import { decodePackets } from "../codec/decode-packets.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, foreign, truncated } from "../refuse.ts";
import { AudioError } from "../../../shared/audio-problem.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import { flacTrack, opusTrack, vorbisTrack } from "../codec/track-codecs.ts";
import { parseSpeexHead } from "../speech/speex.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "../types.ts";

/**
 * Ogg with Opus, Vorbis, FLAC or Speex. Of several streams that run side by side the first audio stream is taken; streams that
 * follow each other (a chain, as radio recorders make) are joined, whatever their rates and channel counts.
 *
 * Damaged pages are passed over with a warning. A body that ends inside a page is truncated. A missing end-of-stream mark is not (recordings of live streams have none).
 */
export async function openOgg(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const pages = createPageSource(input, (detail) => context.warn("damaged", `Ogg: ${detail}`));
  const link = await openLink(pages);
  if (!link) throw damaged("Ogg", "the file has no pages");
  return {
    format: `ogg-${link.codec.name}`,
    sampleRateHz: link.codec.sampleRateHz,
    channelCount: link.codec.channelCount,
    totalFrames: undefined,
    blocks: decodeChain(pages, link, context),
  };
}

// --- links of a chain

/** One logical stream, read up to its first audio packet. */
interface Link {
  readonly serial: number;
  readonly codec: TrackCodec;
  readonly joiner: PacketJoiner;
}

interface PageSource {
  readonly onDamage: OnDamage;
  next(): Promise<OggPage | undefined>;
  /** Gives one page back. */
  unread(page: OggPage): void;
}

function createPageSource(input: ByteReader, onDamage: OnDamage): PageSource {
  let held: OggPage | undefined;
  let isEnded = false;
  let last: OggPage | undefined;
  return {
    onDamage,
    async next() {
      if (held) {
        const page = held;
        held = undefined;
        return page;
      }
      if (last?.isCut) throw cutPage();
      if (isEnded) return undefined;
      if (last?.isLast) {
        // Padding or a tag after the end of the stream is not audio.
        const magic = await input.peek(4);
        isEnded = Buffer.from(magic).toString("latin1") !== "OggS";
        if (last?.isCut) throw cutPage();
        if (isEnded) return undefined;
      }
      last = await readOggPage(input, onDamage);
      return last;
    },
    unread(page) {
      held = page;
    },
  };
}

/** Reads the headers of the streams that begin here and picks one; undefined at the end of the file. */
async function openLink(pages: PageSource): Promise<Link | undefined> {
  const others: string[] = [];
  let chosen: { serial: number; first: Uint8Array; kind: Kind } | undefined;
  for (;;) {
    const page = await pages.next();
    if (!page) break;
    if (!page.isFirst) {
      pages.unread(page);
      break;
    }
    const first = page.pieces[0];
    if (!first || (page.isOpen && page.pieces.length === 1)) {
      throw damaged("Ogg", "a stream begins without a header");
    }
    const kind = kindOf(first);
    if (typeof kind === "string") others.push(kind);
    else chosen ??= { serial: page.serial, first, kind };
  }
  if (chosen) {
    const joiner = createPacketJoiner(pages.onDamage);
    const headers = await readHeaders(pages, { serial: chosen.serial, joiner, count: chosen.kind.headerCount });
    return { serial: chosen.serial, joiner, codec: chosen.kind.codecOf(chosen.first, headers) };
  }
  if (others.length > 0) throw foreign(`Ogg with ${others.join(" and ")}, which is not supported`);
  if (await pages.next()) throw damaged("Ogg", "the file does not begin with the start of a stream");
  return undefined;
}

interface Kind {
  /** Header packets after the first. */
  readonly headerCount: number;
  readonly codecOf: (first: Uint8Array, headers: readonly Uint8Array[]) => TrackCodec;
}

/** How to read a stream with this first packet; a name for what we do not read. */
function kindOf(first: Uint8Array): Kind | string {
  const text = Buffer.from(first.subarray(0, 8)).toString("latin1");
  if (text === "OpusHead") return { headerCount: 1, codecOf: () => opusTrack(parseOpusHead(first)) };
  if (text.startsWith("\x01vorbis")) return { headerCount: 2, codecOf: (_, headers) => vorbisTrack(first, headers[1]) };
  if (text.startsWith("\x7fFLAC")) {
    if (first.length < 51) throw damaged("FLAC", "the STREAMINFO block is cut short");
    return { headerCount: (first[7]! << 8) | first[8]!, codecOf: () => flacTrack(first.subarray(17, 51)) };
  }
  if (text === "Speex   ") {
    const { codec, headerCount } = parseSpeexHead(first);
    return { headerCount, codecOf: () => codec };
  }
  if (text.startsWith("\x80theora")) return "video alone";
  return "an unknown stream";
}

async function readHeaders(
  pages: PageSource,
  { serial, joiner, count }: { serial: number; joiner: PacketJoiner; count: number },
): Promise<Uint8Array[]> {
  const headers: Uint8Array[] = [];
  while (headers.length < count) {
    const page = await pages.next();
    if (!page || page.isFirst) throw truncated("Ogg", "the file ends inside its headers");
    if (page.serial !== serial) continue;
    headers.push(...joiner.push(page));
    // Audio begins on a page of its own (RFC 7845 section 3, Vorbis I appendix A.2).
    if (headers.length > count) throw damaged("Ogg", "audio and headers share a page");
  }
  return headers;
}

// --- packets

async function* decodeChain(
  pages: PageSource,
  first: Link,
  context: OpenContext,
): AsyncGenerator<AudioBlock, void, undefined> {
  for (let link: Link | undefined = first; link; link = await openNextLink(pages)) {
    const { codec } = link;
    yield* decodePackets({
      container: "Ogg",
      sampleRateHz: codec.sampleRateHz,
      channelCount: codec.channelCount,
      isSurround: codec.isSurround ?? false,
      context,
      packets: readPackets(pages, link),
      createDecoder: codec.createDecoder,
      skipFrames: codec.skipFrames,
    });
  }
}

/** A later stream that cannot be read does not take away the ones before it. */
async function openNextLink(pages: PageSource): Promise<Link | undefined> {
  try {
    return await openLink(pages);
  } catch (error) {
    if (!(error instanceof AudioError) || error.problem.reason === "truncated") throw error;
    pages.onDamage(`a later stream cannot be read: ${error.message}`);
    return undefined;
  }
}

/** The audio packets of one link; the first page of the next link is left unread. */
async function* readPackets(pages: PageSource, link: Link): AsyncGenerator<EncodedPacket, void, undefined> {
  const framesOf = link.codec.createCounter();
  let endFrame = 0;
  /** Granule position of the first decoded frame: not 0 in a capture that began in the middle. */
  let base: number | undefined;
  /** Frames of missing pages. */
  let missing = 0;

  for (;;) {
    const page = await pages.next();
    if (!page) return;
    if (page.isFirst) {
      pages.unread(page);
      return;
    }
    if (page.serial !== link.serial) continue;
    // An empty packet carries nothing but the end-of-stream mark of its page.
    const packets = link.joiner.push(page).filter((packet) => packet.length > 0);
    const counted = packets.map((packet) => framesOf(packet));
    const pageFrames = counted.reduce((sum, frames) => sum + frames, 0);
    if (page.granule >= 0 && packets.length > 0) base ??= Math.max(0, page.granule - endFrame - pageFrames);
    const pageEnd = page.granule >= 0 && base !== undefined ? page.granule - base : undefined;
    // Silence stands for pages that are missing, so that what follows keeps its time.
    const lost = pageEnd === undefined || !link.joiner.isAfterGap ? 0 : pageEnd - pageFrames - endFrame;
    if (lost > 0) {
      missing += lost;
      endFrame += lost;
    }
    const atFrame = lost > 0 ? endFrame - link.codec.skipFrames : undefined;
    const limitFrame = page.isLast && pageEnd !== undefined ? pageEnd - missing : undefined;
    for (const [i, data] of packets.entries()) {
      endFrame += counted[i]!;
      yield {
        data,
        endFrame,
        ...(limitFrame !== undefined && { limitFrame }),
        ...(i === 0 && atFrame !== undefined && { atFrame }),
      };
    }
  }
}
