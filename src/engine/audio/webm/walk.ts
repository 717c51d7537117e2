import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import { UNKNOWN_SIZE, readElementHeader } from "./ebml.ts";

export const ID = {
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

/** Elements of a file, one after the other. */
export interface Walk {
  /** The next element at any level; masters that only hold others are walked into. undefined at the end. */
  next(): Promise<{ id: number; size: number } | undefined>;
  /** Reads an element's body. The caller owns it. */
  store(size: number): Promise<Uint8Array>;
  skip(size: number): Promise<void>;
  /** Passes over damage, to the next cluster; false when there is none. */
  recover(): Promise<boolean>;
  readonly input: ByteReader;
}

/** Walks through segments and clusters; those of unknown size reach to the end of the body. */
export function createWalk(input: ByteReader): Walk {
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
