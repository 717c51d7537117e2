import type { AudioBlock } from "../types.ts";
import { readFields } from "./boxes.ts";

/** What of a track is presented, and when; in units of the track's time scale. */
export interface EditList {
  /** Silence before the track begins. */
  readonly delay: number;
  /** The only edit, or the first of `parts`: the encoder's delay lies before it. undefined = all of the media. */
  readonly first: { readonly start: number; readonly length: number | undefined } | undefined;
  /** The parts of the media that are heard, in order, when there are several; a recording that was cut in the middle has them. */
  readonly parts: readonly EditPart[];
}

interface EditPart {
  readonly start: number;
  readonly length: number;
  /** Silence in front. */
  readonly pause: number;
}

/**
 * Reads an edit list. Parts that go back in the media, as a montage repeats them, cannot be had from a stream: of such a list
 * only the start is honoured.
 *
 * @param perMovieUnit units of the track for one of the movie
 */
export function parseEdits(elst: Uint8Array | undefined, perMovieUnit: number): EditList {
  if (!elst) return { delay: 0, first: undefined, parts: [] };
  const fields = readFields(elst, "elst");
  const is64 = fields.u8() === 1;
  fields.skip(3);
  const count = fields.u32();
  const parts: EditPart[] = [];
  let delay = 0;
  let pause = 0;
  for (let i = 0; i < count && fields.left > 0; i++) {
    const length = (is64 ? fields.u64() : fields.u32()) * perMovieUnit;
    const start = is64 ? fields.i64() : fields.i32();
    fields.skip(4);
    if (start >= 0) {
      parts.push({ start, length, pause });
      pause = 0;
    } else if (parts.length === 0) delay += length;
    else pause += length;
  }
  const [first] = parts;
  const isInOrder = parts.every(({ start, length }, i) => length > 0 && start >= endOf(parts[i - 1]) - 1);
  return {
    delay,
    first: first && { start: first.start, length: parts.length === 1 && first.length > 0 ? first.length : undefined },
    parts: parts.length > 1 && isInOrder ? parts : [],
  };
}

/**
 * Leaves out what lies between the parts of an edit list, and puts its pauses in.
 *
 * @param blocks the media from the first part on, behind the delay
 * @param timescale units a second
 */
export async function* keepParts(
  blocks: AsyncGenerator<AudioBlock, void, undefined>,
  { delay, parts }: EditList,
  timescale: number,
): AsyncGenerator<AudioBlock, void, undefined> {
  const origin = (parts[0]?.start ?? 0) - delay;
  let part = 0;
  let time = 0;
  for await (const { channels, ...block } of blocks) {
    const frames = channels[0]?.length ?? 0;
    const perUnit = block.sampleRateHz / timescale;
    const cut = (from: number, to: number): AudioBlock => ({
      ...block,
      channels: channels.map((all) => all.slice(from, to)),
    });
    const frameAt = (units: number): number => Math.min(frames, Math.max(0, Math.round((units - time) * perUnit)));
    for (; part < parts.length; part++) {
      const { start, length, pause } = parts[part]!;
      const from = part === 0 ? 0 : frameAt(start - origin);
      const to = frameAt(start + length - origin);
      if (from === frames) break;
      // The part begins in this block.
      if (pause > 0 && time < start - origin + 1 / perUnit) {
        const silent = Math.round(pause * perUnit);
        for (let left = silent; left > 0; left -= PAUSE_FRAMES)
          yield { ...block, channels: channels.map(() => new Float32Array(Math.min(left, PAUSE_FRAMES))) };
      }
      if (to > from) yield cut(from, to);
      if (to === frames) break;
    }
    time += frames / perUnit;
  }
}

// ---

const PAUSE_FRAMES = 8000;

function endOf(part: EditPart | undefined): number {
  return part === undefined ? 0 : part.start + part.length;
}
