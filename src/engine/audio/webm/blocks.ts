import { AudioError } from "../../../shared/audio-problem.ts";
import { createRepeats, type Repeats } from "../codec/repeats.ts";
import type { OpenContext } from "../types.ts";
import { bodyOf, parseElements, parseSigned, parseUnsigned, parseVint } from "./ebml.ts";
import { parseBlock, timeAt } from "./lacing.ts";
import type { Track } from "./track.ts";
import { ID } from "./walk.ts";
import type { Walk } from "./walk.ts";

/** One packet of the track. */
export interface Block {
  readonly data: Uint8Array;
  /** When its first sample is heard, in nanoseconds from the first block of any track; undefined for laced packets. */
  readonly timeNs: number | undefined;
  /** Of its last samples, in nanoseconds. */
  readonly discardNs: number;
}

interface BlockSource {
  readonly walk: Walk;
  readonly track: Track;
  readonly tickNs: number;
  readonly context: OpenContext;
}

/** Reads the packets of the track. Where the file is damaged they go on at the next cluster. */
export async function* readBlocks({
  walk,
  track,
  tickNs,
  context,
}: BlockSource): AsyncGenerator<Block, void, undefined> {
  const clock: Clock = { clusterTime: 0, startTime: undefined, repeats: createRepeats() };
  let isStarted = false;
  for (;;) {
    try {
      const blocks = await readElement({ walk, track, tickNs, clock });
      if (!blocks) return;
      yield* blocks;
      isStarted ||= blocks.length > 0;
    } catch (error) {
      if (!(error instanceof AudioError) || error.problem.reason !== "damaged") throw error;
      const goesOn = await walk.recover();
      if (!goesOn && !isStarted) throw error;
      context.warn("damaged", error.message);
      if (!goesOn) return;
    }
  }
}

interface Clock {
  clusterTime: number;
  /** Of the first block of any track. */
  startTime: number | undefined;
  readonly repeats: Repeats;
}

/** The packets of the next element, none when it has none; undefined at the end. */
async function readElement({
  walk,
  track,
  tickNs,
  clock,
}: Omit<BlockSource, "context"> & { readonly clock: Clock }): Promise<Block[] | undefined> {
  const element = await walk.next();
  if (!element) return undefined;
  if (element.id === ID.clusterTime) {
    clock.clusterTime = parseUnsigned(await walk.store(element.size));
    return [];
  }
  if (element.id === ID.ebml) clock.repeats.restart();
  const isGroup = element.id === ID.blockGroup;
  if (element.id !== ID.simpleBlock && !isGroup) {
    await walk.skip(element.size);
    return [];
  }
  if (!isGroup) {
    const bytes = await walk.input.peek(Math.min(12, element.size));
    const head = parseVint(bytes, 0);
    if (head) clock.startTime ??= clock.clusterTime + timeAt(bytes, head.end);
    if (head?.value !== track.number) {
      await walk.skip(element.size);
      return [];
    }
  }
  const body = await walk.store(element.size);
  const children = isGroup ? parseElements(body) : [];
  const block = isGroup ? bodyOf(children, ID.block) : body;
  if (!block) return [];
  const padding = bodyOf(children, ID.discardPadding);
  const number = parseVint(block, 0);
  const time = clock.clusterTime + (number ? timeAt(block, number.end) : 0);
  clock.startTime ??= time;
  const start = clock.startTime;
  if (clock.repeats.isRepeat(time, block)) return [];
  const packets = parseBlock(block, track.number);
  const blocks = packets.map((data, i): Block => {
    const whole = track.prefix.length > 0 ? new Uint8Array(Buffer.concat([track.prefix, data])) : data;
    const discardNs = padding && i === packets.length - 1 ? parseSigned(padding) : 0;
    return { data: whole, timeNs: i === 0 ? (time - start) * tickNs : undefined, discardNs };
  });
  return blocks.filter(({ data }) => data.length > 0);
}
