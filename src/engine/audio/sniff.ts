import type { AudioCure } from "../../shared/audio-problem.ts";
import { FOREIGN, type Magic } from "./sniff-foreign.ts";
import { parseSbcHeader } from "./sniff-sbc.ts";
import { parseAdtsHeader } from "./aac/adts.ts";
import { parseLoasHeader } from "./aac/latm.ts";
import { parseAc3Header } from "./ac3/ac3.ts";
import type { FrameHeader } from "./input/frame-scan.ts";
import { parseMpegHeader } from "./mp3/mp3.ts";
import { isBareGsm } from "./speech/gsm.ts";
import { findTransportStream } from "./ts/packets.ts";
import { parseVint } from "./webm/ebml.ts";

/** Also what `curl --data` leaves of a WAV file. */
export const RIFF_WITHOUT_AUDIO = "a RIFF file without audio";

export type Container =
  | "wav"
  | "aiff"
  | "au"
  | "caf"
  | "mp3"
  | "flac"
  | "ogg"
  | "webm"
  | "mp4"
  | "adts"
  | "loas"
  | "amr"
  | "gsm"
  | "ac3"
  | "ts"
  | "asf";

/** What the first bytes of a body are. */
export type Sniffed =
  | { readonly kind: "audio"; readonly container: Container }
  /** Recognised, and not supported. `what` reads as "the body is …". */
  | { readonly kind: "foreign"; readonly what: string; readonly cure?: AudioCure }
  | { readonly kind: "unknown" };

/** Enough to recognise every container we take. */
export const MAGIC_BYTES = 16;
/** Bytes to look at for everything else; fewer only when the body is shorter. */
export const SNIFF_BYTES = 4096;

/** Recognises a container by its first bytes, never by a name or a header field. */
export function sniff(head: Uint8Array): Sniffed {
  const known = sniffMagic(head);
  if (known) return known;
  if (isMultipart(head)) return { kind: "foreign", what: "a multipart form, not the file itself", cure: "bareFile" };
  if (findTransportStream(head) !== undefined) return { kind: "audio", container: "ts" };
  if (isChainOfBlocks(head)) return { kind: "foreign", what: "a later part of a WebM recording", cure: "firstPart" };
  const container = sniffMpegAudio(head) ?? sniffSpeech(head);
  if (container) return { kind: "audio", container };
  if (isChain(head, 0, parseSbcHeader, 4))
    return { kind: "foreign", what: "SBC audio (Bluetooth), which is not supported", cure: "convert" };
  if (isFreeFormat(head))
    return { kind: "foreign", what: "MP3 in free format, which is not supported", cure: "convert" };
  const text = sniffText(head);
  if (text) return { kind: "foreign", what: text };
  return findMpegFrames(head);
}

/** What a magic string alone says; undefined when there is none. */
export function sniffMagic(head: Uint8Array): Sniffed | undefined {
  for (const { container, at, magic, and } of CONTAINERS) {
    if (startsWith(head, magic, at) && (!and || startsWith(head, and.magic, and.at)))
      return { kind: "audio", container };
  }
  if (["RIFF", "RF64", "BW64", "RIFX"].some((magic) => startsWith(head, magic))) return sniffRiff(head);
  for (const { what, at, magic, and, cure } of FOREIGN) {
    if (startsWith(head, magic, at) && (!and || startsWith(head, and.magic, and.at))) {
      return { kind: "foreign", what, ...(cure !== undefined && { cure }) };
    }
  }
  return undefined;
}

/** True where a file begins whose magic does not stand in samples by accident. */
export function startsRecording(head: Uint8Array): boolean {
  const found = sniffMagic(head.subarray(0, MAGIC_BYTES));
  return (
    found?.kind === "audio" && head.length >= MAGIC_BYTES && !["mp3", "mp4", "adts", "asf"].includes(found.container)
  );
}

/** A stream cut out of another one begins inside a frame: three headers in a chain do not happen by accident. */
export function findMpegFrames(head: Uint8Array): Sniffed {
  for (let at = 1; at + 7 < head.length; at++) {
    if (head[at] !== 0xff) continue;
    if (isChain(head, at, parseMpegHeader, 4)) return { kind: "audio", container: "mp3" };
    if (isChain(head, at, parseAdtsHeader, 7)) return { kind: "audio", container: "adts" };
  }
  return { kind: "unknown" };
}

// ---

const SIMPLE_BLOCK = 0xa3;
const LEAST_FREE_BYTES = 64;

/** Magic strings are Latin-1. */
const CONTAINERS: readonly (Magic & { readonly container: Container; readonly and?: Magic })[] = [
  { container: "flac", magic: "fLaC" },
  { container: "ogg", magic: "OggS" },
  { container: "webm", magic: "\x1aE\xdf\xa3" },
  { container: "mp4", magic: "ftyp", at: 4 },
  { container: "mp4", magic: "moov", at: 4 },
  { container: "mp4", magic: "mdat", at: 4 },
  { container: "mp4", magic: "wide", at: 4 },
  { container: "mp4", magic: "free", at: 4 },
  { container: "mp4", magic: "skip", at: 4 },
  { container: "mp4", magic: "pnot", at: 4 },
  { container: "mp3", magic: "ID3" },
  { container: "aiff", magic: "FORM", and: { magic: "AIFF", at: 8 } },
  { container: "aiff", magic: "FORM", and: { magic: "AIFC", at: 8 } },
  { container: "au", magic: ".snd" },
  { container: "caf", magic: "caff\0" },
  { container: "amr", magic: "#!AMR" },
  { container: "asf", magic: "\x30\x26\xb2\x75\x8e\x66\xcf\x11" },
  { container: "wav", magic: "riff\x2e\x91\xcf\x11" },
];

function sniffRiff(head: Uint8Array): Sniffed {
  // A header cut before its form type is left to the WAV reader, which says so.
  if (head.length < 12 || startsWith(head, "WAVE", 8)) return { kind: "audio", container: "wav" };
  if (startsWith(head, "AVI ", 8))
    return { kind: "foreign", what: "AVI video, which is not supported", cure: "convert" };
  if (startsWith(head, "QLCM", 8))
    return { kind: "foreign", what: "QCELP or EVRC audio (QCP), which is not supported", cure: "convert" };
  if (startsWith(head, "WEBP", 8)) return { kind: "foreign", what: "a WebP image" };
  // `curl --data` takes zero bytes and line ends out of a file.
  if (latin1(head.subarray(4, 12)).includes("WAVE"))
    return { kind: "foreign", what: "a WAV file that lost bytes on the way", cure: "binary" };
  return { kind: "foreign", what: RIFF_WITHOUT_AUDIO };
}

/** A form as browsers and `curl -F` send it; the file in it is binary. */
function isMultipart(head: Uint8Array): boolean {
  return /^--[^\r\n]{1,200}\r?\n(?:[\w-]+:[^\r\n]*\r?\n){0,4}?content-disposition:/i.test(
    latin1(head.subarray(0, 1024)),
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Bare frames have no other magic than a well-formed header. */
function sniffMpegAudio(head: Uint8Array): "mp3" | "adts" | undefined {
  if (head.length >= 7 && parseAdtsHeader(head, 0)) return "adts";
  return head.length >= 4 && parseMpegHeader(head, 0) ? "mp3" : undefined;
}

/** Formats whose frames have a few bits of their own and no magic. */
function sniffSpeech(head: Uint8Array): "gsm" | "ac3" | "loas" | undefined {
  if (isBareGsm(head)) return "gsm";
  if (head.length >= 7 && parseAc3Header(head, 0)) return "ac3";
  return isChain(head, 0, parseLoasHeader, 3) ? "loas" : undefined;
}

/** MPEG audio frames of a size that their headers do not say: three of them at one distance, but for a byte of padding. */
function isFreeFormat(head: Uint8Array): boolean {
  const isHeaderAt = (at: number): boolean =>
    head[at] === 0xff && head[at + 1] === head[1] && (head[at + 2]! & 0xfc) === (head[2]! & 0xfc);
  const isMpeg = head[0] === 0xff && (head[1]! & 0xe0) === 0xe0 && (head[1]! & 0x18) !== 0x08 && (head[1]! & 6) !== 0;
  if (!isMpeg || (head[2]! & 0xf0) !== 0 || (head[2]! & 0x0c) === 0x0c) return false;
  for (let size = LEAST_FREE_BYTES; 2 * size + 4 <= head.length; size++) {
    if (isHeaderAt(size) && [-1, 0, 1].some((padding) => isHeaderAt(2 * size + padding))) return true;
  }
  return false;
}

/** What a browser hands out in mid-cluster: simple blocks of one of the first tracks, one behind the other. */
function isChainOfBlocks(head: Uint8Array): boolean {
  let at = 0;
  for (let blocks = 0; blocks < 3; blocks++) {
    const size = head[at] === SIMPLE_BLOCK ? parseVint(head, at + 1) : undefined;
    const track = size && head[size.end];
    if (!size || track === undefined || track < 0x81 || track > 0x84) return false;
    at = size.end + size.value;
  }
  return true;
}

function isChain(
  head: Uint8Array,
  start: number,
  parse: (bytes: Uint8Array, at: number) => FrameHeader | undefined,
  headerBytes: number,
): boolean {
  let at = start;
  let key: number | undefined;
  for (let links = 0; links < 3; links++) {
    const header = at + headerBytes <= head.length ? parse(head, at) : undefined;
    if (!header || (key !== undefined && header.key !== key)) return false;
    key = header.key;
    at += header.frameBytes;
  }
  return true;
}

/** Text: valid UTF-8 without control characters in the first kilobyte, or a UTF-16 byte order mark. */
function sniffText(head: Uint8Array): string | undefined {
  if (isUtf16(head)) return "text (UTF-16)";
  const start = head.subarray(0, 1024);
  for (const byte of start) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return undefined;
    if (byte === 0x7f) return undefined;
  }
  const text = decodeUtf8(start);
  if (text === undefined) return undefined;
  const trimmed = text.replace(/^\uFEFF/, "").trimStart();
  if (/^<(?:!doctype html|html|head|body)/i.test(trimmed)) return "an HTML page";
  if (trimmed.startsWith("<")) return "XML or HTML text";
  if (/^[{[]/.test(trimmed)) return "JSON or other text";
  return "text";
}

/** A byte order mark and, in a kilobyte, hardly a character that is not a letter, a digit or punctuation. */
function isUtf16(head: Uint8Array): boolean {
  const isLittle = startsWith(head, "\xff\xfe");
  if (!isLittle && !startsWith(head, "\xfe\xff")) return false;
  const bytes = head.subarray(2, 1024 - (head.length % 2));
  const text = new TextDecoder(isLittle ? "utf-16le" : "utf-16be").decode(bytes);
  const odd = [...text].filter(
    (char) => !/[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\s]/u.test(char) || char === "\ufffd",
  ).length;
  return odd <= text.length / 20;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  // The cut may have split the last character: up to three bytes may be left off.
  for (let cut = 0; cut <= Math.min(3, bytes.length - 1); cut++) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, bytes.length - cut));
    } catch {
      // one byte less
    }
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, magic: string, at = 0): boolean {
  if (bytes.length < at + magic.length) return false;
  for (let i = 0; i < magic.length; i++) {
    if (bytes[at + i] !== magic.charCodeAt(i)) return false;
  }
  return true;
}
