import { crc32Ogg } from "../input/crc.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { truncated, unsupported } from "../refuse.ts";

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

/** Is given what is wrong with the stream, and where it goes on. Throws when damage ends the reading. */
export type OnDamage = (detail: string) => void;

/** The next page; undefined at the end of the input. What is not a page, or has a wrong checksum, is passed over. */
export async function readOggPage(input: ByteReader, onDamage: OnDamage): Promise<OggPage | undefined> {
  for (;;) {
    const found = await tryPage(input);
    if (typeof found !== "string") return found;
    onDamage(found);
    await input.skip(1);
    if (!(await skipToPage(input))) return undefined;
  }
}

/** The page that begins here, or what is wrong with it; damaged ones are not consumed. */
async function tryPage(input: ByteReader): Promise<OggPage | undefined | string> {
  const start = input.position;
  const fixed = await input.peek(27);
  if (fixed.length === 0) return undefined;
  if (fixed.length >= 5 && !isPageAt(fixed, 0)) return `the file is damaged at byte ${start}`;
  if (fixed.length < 27) throw cutPage();
  const segmentCount = fixed[26]!;
  const table = (await input.peek(27 + segmentCount)).subarray(27);
  if (table.length < segmentCount) throw cutPage();
  let payloadBytes = 0;
  for (const length of table) payloadBytes += length;
  const pageBytes = 27 + segmentCount + payloadBytes;
  const page = (await input.peek(pageBytes)).slice();
  const isCut = page.length < pageBytes;
  const view = new DataView(page.buffer);
  const wanted = view.getUint32(22, true);
  view.setUint32(22, 0);
  // A page that is longer than the rest of the input, and others begin in it: its lengths are damaged.
  const isSwallowing = isCut && Buffer.from(page).indexOf("OggS\0", 1, "latin1") > 0;
  if (isSwallowing || (!isCut && crc32Ogg(page) !== wanted))
    return `the checksum of the page at byte ${start} is wrong`;
  await input.skip(page.length);
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

function isPageAt(bytes: Uint8Array, at: number): boolean {
  return Buffer.from(bytes.subarray(at, at + 5)).toString("latin1") === "OggS\0";
}

/** Consumes up to the next page; false at the end of the input. */
async function skipToPage(input: ByteReader): Promise<boolean> {
  for (;;) {
    const bytes = await input.peek(SEARCH_BYTES);
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf("OggS\0", 0, "latin1");
    if (at >= 0) {
      await input.skip(at);
      return true;
    }
    if (bytes.length < SEARCH_BYTES) {
      await input.skip(bytes.length);
      return false;
    }
    await input.skip(SEARCH_BYTES - 4);
  }
}

/** Joins the pieces of one logical stream to packets. */
export interface PacketJoiner {
  /** The packets that end on this page, in order. */
  push(page: OggPage): Uint8Array[];
  /** Pages are missing between the last page and the one before. */
  readonly isAfterGap: boolean;
}

export function createPacketJoiner(onDamage: OnDamage): PacketJoiner {
  let open: Uint8Array[] = [];
  let openBytes = 0;
  let nextSequence: number | undefined;
  let packetCount = 0;
  let isAfterGap = false;
  return {
    get isAfterGap() {
      return isAfterGap;
    },
    push(page) {
      if (nextSequence !== undefined && page.sequence < nextSequence && nextSequence - page.sequence <= MAX_REPEATED) {
        onDamage(`page ${page.sequence} comes again or too late`);
        return [];
      }
      const isGap = nextSequence !== undefined && page.sequence !== nextSequence;
      // A capture of a running broadcast has its headers first and goes on anywhere after them.
      isAfterGap = isGap && packetCount > HEADER_PACKETS;
      if (isAfterGap) onDamage(`page ${nextSequence} is missing`);
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
/** Pages that a recorder wrote twice or out of order; a number further back is a new count. */
const MAX_REPEATED = 16;
const SEARCH_BYTES = 65_536;

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
