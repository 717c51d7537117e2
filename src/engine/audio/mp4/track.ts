import type { Mp4Box } from "./boxes.ts";
import { findBox, findPath, parseBoxes, readFields, typeAt, viewOf } from "./boxes.ts";
import { parseEdits, type EditList } from "./edits.ts";
import { parseEsds } from "./esds.ts";
import { parseDops } from "../codec/opus.ts";
import { chooseTrack } from "../choose-track.ts";
import { damaged, foreign, unsupported } from "../refuse.ts";
import { IMA4_BLOCK_BYTES, IMA4_BLOCK_FRAMES } from "../codec/ima4.ts";
import { SAMPLE_BYTES, type SampleEncoding } from "../codec/pcm.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import {
  alacTrack,
  dtsTrack,
  flacTrack,
  gsmTrack,
  ima4Track,
  opusTrack,
  pcmTrack,
  PLAIN_CODECS,
} from "../codec/track-codecs.ts";
import { GSM_FRAME_BYTES, GSM_FRAMES } from "../speech/gsm.ts";
import { tagOf, waveCodec } from "../wav/wave-codecs.ts";

/** The audio track of a `moov` box. */
export interface Mp4Track {
  readonly id: number;
  /** Units per second of the media's times. */
  readonly timescale: number;
  /** Makes the codec; MP3 needs the first packet to know itself. */
  readonly codecOf: (firstPacket: Uint8Array) => TrackCodec;
  /** What of the media is presented. */
  readonly edits: EditList;
  /** Frames and bytes that belong together where the tables count frames instead of packets: PCM and QuickTime's old codecs. */
  readonly block: { readonly frames: number; readonly bytes: number } | undefined;
  /** Boxes of the sample table. */
  readonly sampleTable: readonly Mp4Box[];
  /** The samples are in fragments, with these defaults. */
  readonly fragments: { readonly duration: number; readonly size: number } | undefined;
}

/** Chooses among the audio tracks and reads what is needed to decode one. */
export function parseMoov(moov: Uint8Array, wanted: string | undefined): Mp4Track {
  const boxes = parseBoxes(moov);
  const tracks = boxes.filter(({ type }) => type === "trak").map(({ body }) => parseBoxes(body));
  const audio = tracks.filter((track) => handlerOf(track) === "soun");
  if (audio.length === 0) throw foreign(tracks.length > 0 ? "video without an audio track" : "MP4 without any track");
  return chooseTrack({
    container: "MP4",
    wanted,
    tracks: audio.map((trak) => ({
      language: languageOf(trak),
      isDefault: isEnabled(trak),
      open: () => parseTrack(trak, boxes),
    })),
  });
}

function parseTrack(trak: readonly Mp4Box[], moov: readonly Mp4Box[]): Mp4Track {
  const id = parseTrackId(findBox(trak, "tkhd"));
  const mdhd = readFields(findPath(trak, "mdia", "mdhd") ?? new Uint8Array(0), "mdhd");
  const is64 = mdhd.u8() === 1;
  mdhd.skip(is64 ? 19 : 11);
  const timescale = mdhd.u32();
  if (timescale === 0) throw damaged("MP4", "the audio track's time scale is 0");
  const sampleTable = parseBoxes(findPath(trak, "mdia", "minf", "stbl") ?? new Uint8Array(0));
  const sampleEntries = findBox(sampleTable, "stsd");
  if (!sampleEntries) throw damaged("MP4", "the audio track does not name its codec");
  return {
    id,
    timescale,
    ...parseSampleEntry(sampleEntries),
    edits: parseEdits(findPath(trak, "edts", "elst"), timescale / movieTimescale(moov)),
    sampleTable,
    fragments: parseFragmentDefaults(findBox(moov, "mvex"), id),
  };
}

// ---

function handlerOf(trak: readonly Mp4Box[]): string | undefined {
  const hdlr = findPath(trak, "mdia", "hdlr");
  return hdlr && typeAt(hdlr, 8);
}

/** ISO 639-2 code of the track, packed into 15 bits; undefined when it says none. */
function languageOf(trak: readonly Mp4Box[]): string | undefined {
  const mdhd = findPath(trak, "mdia", "mdhd");
  const at = mdhd?.[0] === 1 ? 32 : 20;
  if (!mdhd || mdhd.length < at + 2) return undefined;
  const packed = (mdhd[at]! << 8) | mdhd[at + 1]!;
  const code = [10, 5, 0].map((shift) => String.fromCharCode(0x60 + ((packed >> shift) & 31))).join("");
  return /^[a-z]{3}$/.test(code) && code !== "und" ? code : undefined;
}

function isEnabled(trak: readonly Mp4Box[]): boolean {
  return ((findBox(trak, "tkhd")?.[3] ?? 0) & 1) === 1;
}

function parseTrackId(tkhd: Uint8Array | undefined): number {
  const fields = readFields(tkhd ?? new Uint8Array(0), "tkhd");
  const is64 = fields.u8() === 1;
  fields.skip(is64 ? 19 : 11);
  return fields.u32();
}

function movieTimescale(moov: readonly Mp4Box[]): number {
  const mvhd = findBox(moov, "mvhd");
  if (!mvhd) return 1;
  const fields = readFields(mvhd, "mvhd");
  const is64 = fields.u8() === 1;
  fields.skip(is64 ? 19 : 11);
  return fields.u32() || 1;
}

function parseFragmentDefaults(mvex: Uint8Array | undefined, trackId: number): Mp4Track["fragments"] {
  if (!mvex) return undefined;
  for (const { type, body } of parseBoxes(mvex)) {
    if (type !== "trex") continue;
    const fields = readFields(body, "trex");
    fields.skip(4);
    if (fields.u32() !== trackId) continue;
    fields.skip(4);
    return { duration: fields.u32(), size: fields.u32() };
  }
  return { duration: 0, size: 0 };
}

function parseSampleEntry(stsd: Uint8Array): Pick<Mp4Track, "codecOf" | "block"> {
  const entry = parseBoxes(stsd.subarray(8))[0];
  if (!entry) throw damaged("MP4", "the audio track does not name its codec");
  const fields = readFields(entry.body, entry.type);
  fields.skip(8);
  const version = fields.u16();
  fields.skip(18);
  // QuickTime put more fields into the entry.
  if (version === 1) fields.skip(16);
  if (version === 2) fields.skip(36);
  const children = parseBoxes(fields.rest());

  const pcm = pcmEncoding(entry.type, entry.body, children);
  if (pcm) {
    const { encoding, sampleRateHz, channelCount } = pcm;
    const codec = pcmTrack(encoding, sampleRateHz, channelCount);
    return { codecOf: () => codec, block: { frames: 1, bytes: SAMPLE_BYTES[encoding] * channelCount } };
  }
  return blockCodec(entry.type, entry.body, version) ?? { codecOf: codecOf(entry, children), block: undefined };
}

/** Codecs of blocks of one size, whose samples QuickTime counts one by one; undefined = another codec. */
function blockCodec(type: string, entry: Uint8Array, version: number): Pick<Mp4Track, "codecOf" | "block"> | undefined {
  const { sampleRateHz, channelCount } = shapeOf(entry);
  if (type === "ima4") {
    const codec = ima4Track(sampleRateHz, channelCount);
    return { codecOf: () => codec, block: { frames: IMA4_BLOCK_FRAMES, bytes: IMA4_BLOCK_BYTES * channelCount } };
  }
  if (type === "agsm") {
    const codec = gsmTrack(sampleRateHz);
    return { codecOf: () => codec, block: { frames: GSM_FRAMES, bytes: GSM_FRAME_BYTES } };
  }
  // A Windows format tag in the last two bytes.
  if (!/^ms[^][^\x50\x55]$/.test(type) || version !== 1) return undefined;
  const view = viewOf(entry);
  const block = { frames: view.getUint32(28), bytes: view.getUint32(36) };
  const codec = waveCodec({
    tag: tagOf(type),
    channelCount,
    sampleRateHz,
    byteRate: 0,
    blockAlign: block.bytes,
    bits: 4,
    speakers: undefined,
    extra: new Uint8Array(0),
    isBigEndian: false,
  });
  return codec && { codecOf: () => codec, block: block.frames > 0 && block.bytes > 0 ? block : undefined };
}

/** Rate and channels as the sample entry says them. */
function shapeOf(entry: Uint8Array): { sampleRateHz: number; channelCount: number; bits: number } {
  const view = viewOf(entry);
  const isVersion2 = view.getUint16(8) === 2 && entry.length >= 64;
  return {
    channelCount: isVersion2 ? view.getUint32(40) : view.getUint16(16),
    bits: isVersion2 ? view.getUint32(48) : view.getUint16(18),
    sampleRateHz: Math.round(isVersion2 ? view.getFloat64(32) : view.getUint32(24) / 65_536),
  };
}

function codecOf({ type, body }: Mp4Box, children: readonly Mp4Box[]): Mp4Track["codecOf"] {
  switch (type) {
    case "mp4a":
      return parseEsds(findBox(children, "esds") ?? findPath(children, "wave", "esds"), shapeOf(body));
    case "dtsc":
      return () => dtsTrack(shapeOf(body).sampleRateHz, shapeOf(body).channelCount);
    case "Opus": {
      const head = parseDops(findBox(children, "dOps") ?? new Uint8Array(0));
      return () => opusTrack(head);
    }
    case "fLaC": {
      const dfla = findBox(children, "dfLa");
      if (!dfla || dfla.length < 42) throw damaged("FLAC", "the STREAMINFO block is cut short");
      return () => flacTrack(dfla.subarray(8, 42));
    }
    case "alac": {
      const cookie = findBox(children, "alac") ?? findPath(children, "wave", "alac");
      if (!cookie) throw damaged("ALAC", "the decoder configuration is missing");
      return () => alacTrack(cookie.subarray(4));
    }
    case "enca":
      throw unsupported("MP4", "the audio is encrypted", "unprotected");
    default: {
      const plain = PLAIN_CODECS[type];
      if (plain) return plain;
      const name = CODEC_NAMES[type] ?? codecName(type);
      throw unsupported("MP4", `${name} is not supported`, "convert");
    }
  }
}

/** A codec that has no name here: its four characters, or its Windows format tag. */
export function codecName(type: string): string {
  if (/^ms[^ -~]/.test(type) || /^ms.[^ -~]/.test(type)) return `the Windows codec 0x${tagOf(type).toString(16)}`;
  return `the codec ${type.replace(/[^\w .-]/g, "?")}`;
}

/** Sample entries that people meet and that cannot be decoded here. */
const CODEC_NAMES: Readonly<Record<string, string>> = {
  sawp: "AMR-WB+",
  "ac-4": "AC-4 (Dolby)",
  dtsh: "DTS-HD",
  dtsl: "DTS-HD Lossless",
  dtse: "DTS Express",
  apac: "APAC (Apple Positional Audio)",
  mha1: "MPEG-H Audio",
  mhm1: "MPEG-H Audio",
  mlpa: "Dolby TrueHD",
  sevc: "EVRC",
  sqcp: "QCELP",
  Qclp: "QCELP",
  QDM2: "QDesign Music",
  QDMC: "QDesign Music",
  nmos: "Nellymoser",
  dtsx: "DTS:X",
  ".mp1": "MPEG layer I",
  dvca: "DV audio",
  cvsd: "CVSD",
  MAC3: "MACE 3:1",
  MAC6: "MACE 6:1",
  spex: "Speex",
  wma2: "Windows Media Audio",
};

/** QuickTime's and ISO's ways to say PCM and G.711; undefined = another codec. */
function pcmEncoding(
  type: string,
  entry: Uint8Array,
  children: readonly Mp4Box[],
): { encoding: SampleEncoding; sampleRateHz: number; channelCount: number } | undefined {
  const view = viewOf(entry);
  const { sampleRateHz, channelCount, bits } = shapeOf(entry);
  const take = (encoding: string | undefined) =>
    encoding === undefined ? undefined : { encoding: encoding as SampleEncoding, sampleRateHz, channelCount };
  // `enda` in the extension says that the samples are little-endian.
  const enda = findPath(children, "wave", "enda");
  const order = (enda?.[1] ?? 0) === 1 ? "le" : "be";
  switch (type) {
    case "sowt":
      return take(bits === 8 ? "s8" : "s16le");
    case "twos":
      return take(bits === 8 ? "s8" : "s16be");
    case "raw ":
    case "NONE":
    case "\0\0\0\0":
      return take(bits === 16 ? "s16be" : "u8");
    case "in24":
      return take(`s24${order}`);
    case "in32":
      return take(`s32${order}`);
    case "fl32":
      return take(`f32${order}`);
    case "fl64":
      return take(`f64${order}`);
    case "ulaw":
    case "alaw":
      return take(type === "ulaw" ? "pcmu" : "pcma");
    case "lpcm": {
      const flags = view.getUint32(52);
      const kind = flags & 1 ? "f" : flags & 4 || bits > 8 ? "s" : "u";
      return take(bits === 8 ? `${kind}8` : `${kind}${bits}${flags & 2 ? "be" : "le"}`);
    }
    case "ipcm":
    case "fpcm": {
      const pcmC = findBox(children, "pcmC");
      const size = pcmC?.[5] ?? bits;
      return take(`${type === "fpcm" ? "f" : "s"}${size}${(pcmC?.[4] ?? 1) & 1 ? "le" : "be"}`);
    }
    default:
      return undefined;
  }
}
