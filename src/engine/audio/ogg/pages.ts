import { crc32Ogg } from "../input/crc.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";

/** One page of a physical Ogg stream with the packets that end on it. */
export interface OggPage {
  readonly serial: number;
  /** End of the last packet that ends here, in the codec's units; -1 when none ends here. */
  readonly granule: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly sequence: number;
  /** The page's payload; views of it are the pieces. */
  readonly pieces: readonly Uint8Array[];
  /** The first piece continues the packet of the page before. */
  readonly isContinued: boolean;
  /** The last piece goes on in the next page. */
  readonly isOpen: boolean;
  /** The end of the input cut this page: it has the packets that came whole. */
  readonly isCut: boolean;
}

/**
 * The next page; undefined at the end of the input. Checksums are verified. Bytes that are not a page and a
 * wrong checksum are damage.
 */
export async function readOggPage(input: ByteReader): Promise<OggPage | undefined> {
  const start = input.position;
  const fixed = await input.peek(27);
  if (fixed.length === 0) return undefined;
  const isPage = fixed[0] === 0x4f && fixed[1] === 0x67 && fixed[2] === 0x67 && fixed[3] === 0x53 && fixed[4] === 0;
  if (fixed.length >= 5 && !isPage) throw damaged("Ogg", `the file is damaged at byte ${start}`);
  if (fixed.length < 27) throw cutPage();
  const segmentCount = fixed[26]!;
  const table = (await input.peek(27 + segmentCount)).subarray(27);
  if (table.length < segmentCount) throw cutPage();
  let payloadBytes = 0;
  for (const length of table) payloadBytes += length;
  const pageBytes = 27 + segmentCount + payloadBytes;
  const page = (await input.read(pageBytes)).slice();
  const isCut = page.length < pageBytes;
  const view = new DataView(page.buffer);
  const wanted = view.getUint32(22, true);
  view.setUint32(22, 0);
  if (!isCut && crc32Ogg(page) !== wanted) {
    throw damaged("Ogg", `the checksum of the page at byte ${start} is wrong`);
  }
  const flags = page[5]!;
  const granule = view.getBigInt64(6, true);
  const { pieces, isOpen } = split(page, segmentCount);
  return {
    serial: view.getUint32(14, true),
    granule: isCut || granule < 0n || granule > BigInt(Number.MAX_SAFE_INTEGER) ? -1 : Number(granule),
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0 && !isCut,
    sequence: view.getUint32(18, true),
    pieces,
    isContinued: (flags & 1) !== 0,
    isOpen,
    isCut,
  };
}

/** Makes the error for a file that ends inside a page. */
export function cutPage(): Error {
  return truncated("Ogg", "the file is truncated, it ends inside a page");
}

/** Joins the pieces of one logical stream to packets. */
export interface PacketJoiner {
  /** The packets that end on this page, in order. */
  push(page: OggPage): Uint8Array[];
}

export function createPacketJoiner(): PacketJoiner {
  let open: Uint8Array[] = [];
  let openBytes = 0;
  let nextSequence: number | undefined;
  let packetCount = 0;
  return {
    push(page) {
      const isGap = nextSequence !== undefined && page.sequence !== nextSequence;
      // A capture of a running broadcast has its headers first and goes on anywhere after them.
      if (isGap && packetCount > HEADER_PACKETS) {
        throw damaged("Ogg", `page ${nextSequence} is missing`);
      }
      nextSequence = (page.sequence + 1) >>> 0;
      if (isGap || !page.isContinued) {
        open = [];
        openBytes = 0;
      }
      const packets: Uint8Array[] = [];
      const hasStart = openBytes > 0 || !page.isContinued;
      page.pieces.forEach((piece, i) => {
        const isEnd = i < page.pieces.length - 1 || !page.isOpen;
        if (i === 0 && !hasStart) return;
        openBytes += piece.length;
        if (openBytes > MAX_PACKET_BYTES) {
          throw unsupported("Ogg", `a packet is larger than ${MAX_PACKET_BYTES} bytes`);
        }
        open.push(piece);
        if (!isEnd) return;
        packets.push(open.length === 1 ? piece : new Uint8Array(Buffer.concat(open)));
        open = [];
        openBytes = 0;
      });
      packetCount += packets.length;
      return packets;
    },
  };
}

// ---

/** Only comment packets are large: cover pictures are kept in them. */
const MAX_PACKET_BYTES = 16 * 2 ** 20;
const HEADER_PACKETS = 3;

function split(page: Uint8Array, segmentCount: number): { pieces: Uint8Array[]; isOpen: boolean } {
  const pieces: Uint8Array[] = [];
  let at = 27 + segmentCount;
  let length = 0;
  let isOpen = false;
  for (let i = 0; i < segmentCount; i++) {
    const lace = page[27 + i]!;
    length += lace;
    isOpen = lace === 255;
    if (isOpen) continue;
    if (at + length > page.length) return { pieces, isOpen: false };
    pieces.push(page.subarray(at, at + length));
    at += length;
    length = 0;
  }
  if (isOpen) pieces.push(page.subarray(at, at + length));
  return { pieces, isOpen };
}
