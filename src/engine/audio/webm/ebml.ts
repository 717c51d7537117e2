import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, truncated } from "../refuse.ts";

/** An element of a stored (fully read) part of a Matroska file. */
export interface EbmlElement {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Size of an element that does not say where it ends. */
export const UNKNOWN_SIZE = -1;

/** Consumes an element's id and size; undefined at the end of the input. */
export async function readElementHeader(input: ByteReader): Promise<{ id: number; size: number } | undefined> {
  const at = input.position;
  const bytes = await input.peek(12);
  if (bytes.length === 0) return undefined;
  const header = parseHeader(bytes, 0);
  if (!header) {
    throw bytes.length < 12
      ? truncated("WebM/Matroska", "the file is truncated")
      : damaged("WebM/Matroska", `the file is damaged at byte ${at}`);
  }
  await input.skip(header.end);
  return { id: header.id, size: header.size };
}

/** The children of a stored master element. */
export function parseElements(body: Uint8Array): EbmlElement[] {
  const elements: EbmlElement[] = [];
  for (let at = 0; at < body.length;) {
    const header = parseHeader(body, at);
    if (!header || header.size === UNKNOWN_SIZE || header.end + header.size > body.length) {
      throw damaged("WebM/Matroska", "an element is larger than the one around it");
    }
    elements.push({ id: header.id, body: body.subarray(header.end, header.end + header.size) });
    at = header.end + header.size;
  }
  return elements;
}

/** Variable-length number at `at`; `isId` keeps the length mark. `value` is -1 when all its bits are set. */
export function parseVint(bytes: Uint8Array, at: number, isId = false): { value: number; end: number } | undefined {
  const first = bytes[at];
  if (first === undefined || first === 0) return undefined;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return undefined;
  let value = isId ? first : first & (0xff >> length);
  let isAllOnes = (first | (0xff << (8 - length))) % 256 === 255;
  for (let i = 1; i < length; i++) {
    value = value * 256 + bytes[at + i]!;
    if (bytes[at + i] !== 255) isAllOnes = false;
  }
  if (isAllOnes && !isId) value = UNKNOWN_SIZE;
  return { value, end: at + length };
}

/** Unsigned big-endian number of up to 8 bytes. */
export function parseUnsigned(body: Uint8Array): number {
  let value = 0;
  for (const byte of body.subarray(0, 8)) value = value * 256 + byte;
  return value;
}

/** Big-endian float of 4 or 8 bytes; 0 for anything else. */
export function parseFloatElement(body: Uint8Array): number {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return body.length === 4 ? view.getFloat32(0) : body.length === 8 ? view.getFloat64(0) : 0;
}

// ---

function parseHeader(bytes: Uint8Array, at: number): { id: number; size: number; end: number } | undefined {
  const id = parseVint(bytes, at, true);
  if (!id || id.end - at > 4) return undefined;
  const size = parseVint(bytes, id.end);
  return size && { id: id.value, size: size.value, end: size.end };
}

/** Returns the body of the first element with the id. */
export function bodyOf(elements: readonly EbmlElement[], id: number): Uint8Array | undefined {
  return elements.find((element) => element.id === id)?.body;
}

/** Returns the unsigned value of the first element with the id, 0 when there is none. */
export function numberOf(elements: readonly EbmlElement[], id: number): number {
  const body = bodyOf(elements, id);
  return body ? parseUnsigned(body) : 0;
}

/** Parses a signed integer of up to 8 bytes; anything else is 0. */
export function parseSigned(body: Uint8Array): number {
  return body.length > 0 && body.length <= 8 ? Number(BigInt.asIntN(8 * body.length, BigInt(parseUnsigned(body)))) : 0;
}
