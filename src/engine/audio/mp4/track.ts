import { parseAudioSpecificConfig } from "../aac/aac.ts";
import type { Mp4Box } from "./boxes.ts";
import { findBox, findPath, parseBoxes, readFields, typeAt } from "./boxes.ts";
import { parseDops } from "../codec/opus.ts";
import { damaged, foreign, unsupported } from "../refuse.ts";
import type { TrackCodec } from "../codec/track-codecs.ts";
import { aacTrack, alacTrack, flacTrack, mpegTrack, opusTrack } from "../codec/track-codecs.ts";

/** The audio track of a `moov` box. */
export interface Mp4Track {
  readonly id: number;
  /** Units per second of the media's times. */
  readonly timescale: number;
  /** Makes the codec; MP3 needs the first packet to know itself. */
  readonly codecOf: (firstPacket: Uint8Array) => TrackCodec;
  /** The part of the media that is presented, in `timescale` units; undefined = all of it. */
  readonly edit: { readonly start: number; readonly length: number | undefined } | undefined;
  /** Boxes of the sample table. */
  readonly sampleTable: readonly Mp4Box[];
  /** The samples are in fragments, with these defaults. */
  readonly fragments: { readonly duration: number; readonly size: number } | undefined;
}

/** Finds the first audio track. */
export function parseMoov(moov: Uint8Array): Mp4Track {
  const boxes = parseBoxes(moov);
  const tracks = boxes.filter(({ type }) => type === "trak").map(({ body }) => parseBoxes(body));
  const trak = tracks.find((track) => handlerOf(track) === "soun");
  if (!trak) throw foreign(tracks.length > 0 ? "video without an audio track" : "MP4 without any track");

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
    codecOf: parseSampleEntry(sampleEntries),
    edit: parseEdit(findPath(trak, "edts", "elst"), timescale / movieTimescale(boxes)),
    sampleTable,
    fragments: parseFragmentDefaults(findBox(boxes, "mvex"), id),
  };
}

// ---

function handlerOf(trak: readonly Mp4Box[]): string | undefined {
  const hdlr = findPath(trak, "mdia", "hdlr");
  return hdlr && typeAt(hdlr, 8);
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

/** One edit trims the encoder's delay and padding; several are a montage, of which only the start is honoured. */
function parseEdit(elst: Uint8Array | undefined, perMovieUnit: number): Mp4Track["edit"] {
  if (!elst) return undefined;
  const fields = readFields(elst, "elst");
  const is64 = fields.u8() === 1;
  fields.skip(3);
  const count = fields.u32();
  const edits: { start: number; length: number }[] = [];
  for (let i = 0; i < count && fields.left > 0; i++) {
    const length = is64 ? fields.u64() : fields.u32();
    const start = is64 ? fields.i64() : fields.i32();
    fields.skip(4);
    // -1 = an empty edit: silence before the track starts, which a transcript does not need.
    if (start >= 0) edits.push({ start, length });
  }
  const first = edits[0];
  if (!first) return undefined;
  return {
    start: first.start,
    length: edits.length === 1 && first.length > 0 ? first.length * perMovieUnit : undefined,
  };
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

function parseSampleEntry(stsd: Uint8Array): (firstPacket: Uint8Array) => TrackCodec {
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

  switch (entry.type) {
    case "mp4a":
      return parseEsds(findBox(children, "esds") ?? findPath(children, "wave", "esds"));
    case ".mp3":
      return mpegTrack;
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
    default:
      throw unsupported("MP4", `the codec ${entry.type.replace(/[^\w .-]/g, "?")} is not supported`);
  }
}

/** The MPEG-4 elementary stream descriptor names the codec and holds its configuration. */
function parseEsds(esds: Uint8Array | undefined): (firstPacket: Uint8Array) => TrackCodec {
  if (!esds) throw damaged("AAC", "the decoder configuration is missing");
  const fields = readFields(esds, "esds");
  fields.skip(4);
  let objectType = 0;
  while (fields.left > 0) {
    const tag = fields.u8();
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const byte = fields.u8();
      length = (length << 7) | (byte & 127);
      if (byte < 128) break;
    }
    if (tag === 3) {
      fields.skip(2);
      const flags = fields.u8();
      if (flags & 0x80) fields.skip(2);
      if (flags & 0x40) fields.skip(fields.u8());
      if (flags & 0x20) fields.skip(2);
    } else if (tag === 4) {
      objectType = fields.u8();
      fields.skip(12);
      if (objectType === 0x69 || objectType === 0x6b) return mpegTrack;
    } else if (tag === 5 && (objectType === 0x40 || (objectType >= 0x66 && objectType <= 0x68))) {
      const config = parseAudioSpecificConfig(fields.rest().subarray(0, length));
      return () => aacTrack(config);
    } else {
      fields.skip(length);
    }
  }
  throw damaged("AAC", "the decoder configuration is missing");
}
