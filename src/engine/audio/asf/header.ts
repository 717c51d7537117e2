import type { ByteReader } from "../input/byte-reader.ts";
import { chooseTrack } from "../choose-track.ts";
import { damaged, foreign, truncated, unsupported } from "../refuse.ts";
import { parseFields } from "../wav/header.ts";
import type { WavFields } from "../wav/shape.ts";

/** What of the header decides how the packets are read. */
export interface AsfHeader {
  readonly packetBytes: number;
  /** Added to all time stamps. */
  readonly prerollMs: number;
  /** A live capture: its lengths say nothing. */
  readonly isLive: boolean;
  readonly stream: AsfStream;
}

export interface AsfStream {
  readonly number: number;
  readonly fields: WavFields;
  /** How the bytes of an object were spread; undefined = not at all. */
  readonly spread: { readonly span: number; readonly packetBytes: number; readonly chunkBytes: number } | undefined;
}

export const DATA_OBJECT = "3626b2758e66cf11a6d900aa0062ce6c";

/** An object's name, and the bytes behind its head. */
export interface AsfObject {
  readonly guid: string;
  readonly bodyBytes: number;
}

export async function readObjectHead(input: ByteReader): Promise<AsfObject | undefined> {
  const head = await input.read(24);
  if (head.length < 24) return undefined;
  const size = Number(viewOf(head).getBigUint64(16, true));
  return { guid: guidAt(head, 0), bodyBytes: Math.max(0, size - 24) };
}

/** Reads the header object, which comes first. */
export async function readAsfHeader(input: ByteReader, wanted: string | undefined): Promise<AsfHeader> {
  const object = await readObjectHead(input);
  if (!object || object.bodyBytes > MAX_HEADER_BYTES) throw damaged("ASF", "the header is broken");
  const body = (await input.read(object.bodyBytes)).slice();
  if (body.length < object.bodyBytes) throw truncated("ASF", "the file ends inside its header");
  let file: Omit<AsfHeader, "stream"> | undefined;
  let hasStream = false;
  const streams: AsfStream[] = [];
  for (const { guid, view } of listObjects(body.subarray(6))) {
    if (ENCRYPTION.has(guid)) throw unsupported("ASF", "the audio is encrypted", "unprotected");
    if (guid === FILE_PROPERTIES && view.byteLength >= 80) {
      const flags = view.getUint32(64, true);
      file = {
        prerollMs: Number(view.getBigUint64(56, true)),
        packetBytes: view.getUint32(68, true),
        isLive: (flags & 1) !== 0,
      };
    } else if (guid === STREAM_PROPERTIES && view.byteLength >= 54) {
      hasStream = true;
      const stream = parseStream(view);
      if (stream) streams.push(stream);
    }
  }
  if (!file || file.packetBytes < 16 || file.packetBytes > MAX_PACKET_BYTES)
    throw damaged("ASF", "the header is broken");
  if (streams.length === 0)
    throw foreign(hasStream ? "video without an audio track" : "an ASF file without any stream");
  const stream = chooseTrack({
    container: "ASF",
    wanted,
    tracks: streams.map((offer) => ({ language: undefined, isDefault: false, open: () => offer })),
  });
  return { ...file, stream };
}

// ---

const MAX_HEADER_BYTES = 16 * 2 ** 20;
const MAX_PACKET_BYTES = 2 ** 20;
const FILE_PROPERTIES = "a1dcab8c47a9cf118ee400c00c205365";
const STREAM_PROPERTIES = "9107dcb7b7a9cf118ee600c00c205365";
const AUDIO = "409e69f84d5bcf11a8fd00805f5c442b";
const AUDIO_SPREAD = "50cdc3bf8f61cf118bb200aa00b4e220";
const ENCRYPTION: ReadonlySet<string> = new Set([
  "fbb3112223bdd211b4b700a0c955fc6e",
  "14e68a292226174cb935dae07ee9289c",
]);

function guidAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 16)).toString("hex");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function* listObjects(bytes: Uint8Array): Generator<{ guid: string; view: DataView }> {
  for (let at = 0; at + 24 <= bytes.length;) {
    const size = Number(viewOf(bytes).getBigUint64(at + 16, true));
    if (size < 24 || at + size > bytes.length) return;
    yield { guid: guidAt(bytes, at), view: viewOf(bytes.subarray(at + 24, at + size)) };
    at += size;
  }
}

/** undefined for a stream that is not audio. */
function parseStream(view: DataView): AsfStream | undefined {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (guidAt(bytes, 0) !== AUDIO) return undefined;
  const formatBytes = view.getUint32(40, true);
  const flags = view.getUint16(48, true);
  if (flags & 0x8000) throw unsupported("ASF", "the audio is encrypted", "unprotected");
  if (formatBytes < 16 || 54 + formatBytes > bytes.length) throw damaged("ASF", "the header of the audio is cut short");
  const fields = parseFields(viewOf(bytes.subarray(54, 54 + formatBytes)), false);
  const correction = viewOf(bytes.subarray(54 + formatBytes));
  const isSpread = guidAt(bytes, 16) === AUDIO_SPREAD && correction.byteLength >= 5 && correction.getUint8(0) > 1;
  return {
    number: flags & 127,
    fields,
    spread: isSpread
      ? {
          span: correction.getUint8(0),
          packetBytes: correction.getUint16(1, true),
          chunkBytes: correction.getUint16(3, true),
        }
      : undefined,
  };
}
