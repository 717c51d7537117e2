import type { Mp4Track } from "./track.ts";
import type { FieldReader, Mp4Box } from "./boxes.ts";
import { findBox, parseBoxes, readFields, viewOf } from "./boxes.ts";
import { damaged, unsupported } from "../refuse.ts";

/** Where one encoded packet lies in the file. */
export interface Sample {
  readonly offset: number;
  readonly size: number;
  /** When it is to be decoded, in units of the track's time scale. */
  readonly time: number;
}

/** Larger than any packet of a codec we know. */
const MAX_SAMPLE_BYTES = 8 * 2 ** 20;
const PCM_PIECE_BYTES = 32_768;

/** The samples of a plain file, one at a time: the tables may claim billions. */
export function* listSamples(track: Mp4Track): Generator<Sample, void, undefined> {
  const { sampleTable, block } = track;
  const sizes = parseSizes(sampleTable);
  if (sizes.count === 0) return;
  const offsets = parseOffsets(sampleTable);
  const durationOf = createDurations(sampleTable);
  const perChunk = readFields(findBox(sampleTable, "stsc") ?? new Uint8Array(8), "stsc");
  perChunk.skip(4);
  let runsLeft = perChunk.u32();
  let nextRunChunk = 1;
  let nextCount = 0;
  let samplesInChunk = 0;
  let index = 0;
  let time = 0;

  for (let chunk = 1; chunk <= offsets.count && index < sizes.count; chunk++) {
    while (chunk >= nextRunChunk) {
      samplesInChunk = nextCount;
      if (runsLeft-- <= 0) {
        nextRunChunk = Number.POSITIVE_INFINITY;
        break;
      }
      nextRunChunk = perChunk.u32();
      nextCount = perChunk.u32();
      perChunk.skip(4);
      if (chunk >= nextRunChunk) continue;
    }
    let offset = offsets.at(chunk - 1);
    if (block && (block.frames === 1 ? sizes.constant !== undefined : sizes.constant === 1)) {
      // A sample is a frame, whatever its size says, and a chunk holds as many as it says.
      const most = block.frames === 1 ? Math.max(1, Math.floor(PCM_PIECE_BYTES / block.bytes)) : block.frames;
      for (let left = Math.min(samplesInChunk, sizes.count - index); left > 0;) {
        const frames = Math.min(left, most);
        const size = Math.ceil(frames / block.frames) * block.bytes;
        yield { offset, size, time };
        for (let i = 0; i < frames; i++) time += durationOf();
        offset += size;
        index += frames;
        left -= frames;
      }
      continue;
    }
    for (let i = 0; i < samplesInChunk && index < sizes.count; i++, index++) {
      const size = checkedSize(sizes.at(index));
      yield { offset, size, time };
      time += durationOf();
      offset += size;
    }
  }
  if (index < sizes.count && offsets.count > 0) throw damaged("MP4", "the sample tables contradict each other");
}

/** Length of a plain file's track in its time scale, and whether its chunks lie in the file in order. */
export function summarise(track: Mp4Track): { duration: number; isOrdered: boolean; firstOffset: number } {
  const stts = readFields(findBox(track.sampleTable, "stts") ?? new Uint8Array(8), "stts");
  stts.skip(4);
  let duration = 0;
  for (let left = stts.u32(); left > 0; left--) duration += stts.u32() * stts.u32();
  const offsets =
    parseSizes(track.sampleTable).count === 0 ? { count: 0, at: () => 0 } : parseOffsets(track.sampleTable);
  let isOrdered = true;
  for (let i = 1; i < offsets.count; i++) if (offsets.at(i) < offsets.at(i - 1)) isOrdered = false;
  return { duration, isOrdered, firstOffset: offsets.count > 0 ? offsets.at(0) : 0 };
}

/** How long the first sample of a plain file lasts, in the time scale of the track. */
export function firstDuration(track: Mp4Track): number {
  return createDurations(track.sampleTable)();
}

/**
 * The samples of one fragment; returns the time after the last of them.
 * @param moofOffset where the `moof` box begins in the file
 * @param time when it begins, unless it says so itself
 */
export function* listFragment(
  moof: Uint8Array,
  moofOffset: number,
  track: Mp4Track,
  time: number,
): Generator<Sample, number, undefined> {
  let next = time;
  for (const { type, body } of parseBoxes(moof)) {
    if (type === "traf") next = yield* listTrackFragment(parseBoxes(body), moofOffset, track, next);
  }
  return next;
}

// ---

function checkedSize(size: number): number {
  if (size > MAX_SAMPLE_BYTES) throw unsupported("MP4", `a sample of ${size} bytes is too large`);
  return size;
}

interface SampleSizes {
  readonly count: number;
  /** Set when all have this size. */
  readonly constant: number | undefined;
  at(index: number): number;
}

function parseSizes(sampleTable: readonly Mp4Box[]): SampleSizes {
  const stsz = findBox(sampleTable, "stsz");
  const stz2 = stsz ? undefined : findBox(sampleTable, "stz2");
  if (stz2) return parseCompactSizes(stz2);
  if (!stsz) throw damaged("MP4", "the audio track has no table of sample sizes");
  const fields = readFields(stsz, "stsz");
  fields.skip(4);
  const size = fields.u32();
  const count = fields.u32();
  if (size > 0) return { count, constant: size, at: () => size };
  const view = viewOf(fields.rest());
  if (count * 4 > view.byteLength) throw damaged("MP4", "the stsz box is cut short");
  return { count, constant: undefined, at: (index) => view.getUint32(index * 4) };
}

/** Sizes of 4, 8 or 16 bits. */
function parseCompactSizes(stz2: Uint8Array): SampleSizes {
  const fields = readFields(stz2, "stz2");
  fields.skip(7);
  const bits = fields.u8();
  const count = fields.u32();
  const view = viewOf(fields.rest());
  if (![4, 8, 16].includes(bits) || (count * bits) / 8 > view.byteLength)
    throw damaged("MP4", "the stz2 box is broken");
  return {
    count,
    constant: undefined,
    at(index) {
      if (bits === 16) return view.getUint16(index * 2);
      if (bits === 8) return view.getUint8(index);
      return (view.getUint8(index >> 1) >> (index & 1 ? 0 : 4)) & 15;
    },
  };
}

function parseOffsets(sampleTable: readonly Mp4Box[]): { count: number; at: (index: number) => number } {
  const stco = findBox(sampleTable, "stco");
  const body = stco ?? findBox(sampleTable, "co64");
  if (!body) throw damaged("MP4", "the audio track has no table of chunks");
  const fields = readFields(body, "stco");
  fields.skip(4);
  const count = fields.u32();
  const view = viewOf(fields.rest());
  const width = stco ? 4 : 8;
  if (count * width > view.byteLength) throw damaged("MP4", "the stco box is cut short");
  return {
    count,
    at: (index) => (stco ? view.getUint32(index * 4) : Number(view.getBigUint64(index * 8))),
  };
}

function createDurations(sampleTable: readonly Mp4Box[]): () => number {
  const stts = readFields(findBox(sampleTable, "stts") ?? new Uint8Array(8), "stts");
  stts.skip(4);
  let runsLeft = stts.u32();
  let left = 0;
  let duration = 0;
  return () => {
    while (left === 0 && runsLeft > 0) {
      runsLeft--;
      left = stts.u32();
      duration = stts.u32();
    }
    if (left > 0) left--;
    return duration;
  };
}

function* listTrackFragment(
  traf: readonly Mp4Box[],
  moofOffset: number,
  track: Mp4Track,
  startTime: number,
): Generator<Sample, number, undefined> {
  const tfhd = readFields(findBox(traf, "tfhd") ?? new Uint8Array(0), "tfhd");
  const flags = tfhd.u32() & 0xff_ffff;
  if (tfhd.u32() !== track.id) return startTime;
  const base = flags & 1 ? tfhd.u64() : moofOffset;
  if (flags & 2) tfhd.skip(4);
  const defaults = {
    duration: flags & 8 ? tfhd.u32() : (track.fragments?.duration ?? 0),
    size: flags & 16 ? tfhd.u32() : (track.fragments?.size ?? 0),
  };
  let offset = base;
  let time = parseDecodeTime(findBox(traf, "tfdt")) ?? startTime;
  for (const { type, body } of traf) {
    if (type !== "trun") continue;
    for (const { duration, ...place } of listRun(readFields(body, "trun"), base, offset, defaults)) {
      yield { ...place, time };
      time += duration;
      offset = place.offset + place.size;
    }
  }
  return time;
}

function parseDecodeTime(tfdt: Uint8Array | undefined): number | undefined {
  if (!tfdt) return undefined;
  const fields = readFields(tfdt, "tfdt");
  const is64 = fields.u8() === 1;
  fields.skip(3);
  return is64 ? fields.u64() : fields.u32();
}

function* listRun(
  trun: FieldReader,
  base: number,
  start: number,
  defaults: { readonly duration: number; readonly size: number },
): Generator<{ offset: number; size: number; duration: number }, void, undefined> {
  const flags = trun.u32() & 0xff_ffff;
  const count = trun.u32();
  let offset = flags & 1 ? base + trun.i32() : start;
  if (flags & 4) trun.skip(4);
  const extra = (flags & 0x400 ? 4 : 0) + (flags & 0x800 ? 4 : 0);
  if (!(flags & 0x200) && defaults.size === 0) return;
  for (let i = 0; i < count; i++) {
    const duration = flags & 0x100 ? trun.u32() : defaults.duration;
    const size = checkedSize(flags & 0x200 ? trun.u32() : defaults.size);
    trun.skip(extra);
    yield { offset, size, duration };
    offset += size;
  }
}
