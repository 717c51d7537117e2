import type { DecodedPacket, PacketDecoder } from "./packet-decoder.ts";
import { PacketError } from "./packet-decoder.ts";
import { audioTooLong } from "../../../shared/audio-problem.ts";
import { damaged } from "../refuse.ts";
import { SPEAKERS_BY_COUNT } from "../mix.ts";
import type { AudioBlock, OpenContext } from "../types.ts";

/** One encoded packet as a container yields it. */
export interface EncodedPacket {
  /** Owned by the receiver. */
  readonly data: Uint8Array;
  /** Where this packet ends, in frames from the first decoded one, as the container says it. For the length check. */
  readonly endFrame?: number;
  /** The stream ends here: samples beyond this frame, counted from the first decoded one, are padding. */
  readonly limitFrame?: number;
  /**
   * Where the packet's first decoded frame lies on the recording's time line, in frames, before anything is skipped. A
   * packet that begins clearly later than the one before it ended has silence put in front.
   */
  readonly atFrame?: number;
  /** Known to be lost or damaged: silence up to `endFrame` stands for it. */
  readonly isDamaged?: boolean;
}

type PacketPlace = Pick<EncodedPacket, "limitFrame"> & { readonly atFrame?: number | undefined };

export interface PacketPipeline {
  /** For messages. */
  readonly container: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** The channels are those of a surround layout, in the order of WAVE. */
  readonly isSurround?: boolean;
  readonly context: OpenContext;
  readonly packets: AsyncGenerator<EncodedPacket, void, undefined>;
  readonly createDecoder: () => Promise<PacketDecoder>;
  /** Decoded frames to drop at the start: encoder delay. */
  readonly skipFrames?: number;
  /**
   * Frames of silence that stand for a packet that cannot be decoded; absent = what its `endFrame` adds. At most a tenth of
   * the packets may be lost.
   */
  readonly concealFrames?: number;
}

/**
 * Decodes packets into blocks of about 8000 frames. Reads ahead up to 4 MiB of packets while it decodes, so that a
 * small body that expands to days is refused by what its packets declare, not after hours of decoding.
 */
export async function* decodePackets(pipeline: PacketPipeline): AsyncGenerator<AudioBlock, void, undefined> {
  const { container, sampleRateHz, channelCount, packets, concealFrames, context } = pipeline;
  const { maxDurationMs } = context;
  const { skipFrames = 0, isSurround = false } = pipeline;
  const decoder = await pipeline.createDecoder();
  let batch = createBatch(sampleRateHz, channelCount, isSurround);
  let position = 0;
  let seen = 0;
  let lost = 0;
  let packetEnd = 0;
  /** Frames given so far, silence included. */
  let given = 0;

  /** A packet that cannot be decoded becomes silence of its length, so that everything after it keeps its time. */
  function decodeOne(packet: EncodedPacket): DecodedPacket {
    seen++;
    const frames = concealFrames ?? Math.max(0, (packet.endFrame ?? packetEnd) - packetEnd);
    packetEnd = packet.endFrame ?? packetEnd;
    try {
      if (packet.isDamaged) throw new PacketError("the packet is damaged");
      return decoder.decode(packet.data);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      lost++;
      if (lost > FEW && lost > seen / 10) {
        throw damaged(container, `${lost} of the first ${seen} frames cannot be decoded`, error);
      }
      const length = Math.round((frames * batch.sampleRateHz) / sampleRateHz);
      const silence = Array.from({ length: batch.channelCount }, () => new Float32Array(length));
      return { sampleRateHz: batch.sampleRateHz, channels: silence };
    }
  }

  /** Samples that the decoder kept back, when there are any. */
  function finish(): DecodedPacket | undefined {
    try {
      return decoder.finish?.();
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      return undefined;
    }
  }

  /** Cuts what is not to be heard, and puts a pause where the container has one. Positions are counted at the container's rate. */
  function* place(
    decoded: DecodedPacket,
    { atFrame, limitFrame = Number.POSITIVE_INFINITY }: PacketPlace,
  ): Generator<AudioBlock, void, undefined> {
    const length = decoded.channels[0]?.length ?? 0;
    if (length === 0) return;
    if (decoded.sampleRateHz !== batch.sampleRateHz || decoded.channels.length !== batch.channelCount) {
      if (batch.frames > 0) yield batch.take();
      batch = createBatch(decoded.sampleRateHz, decoded.channels.length, isSurround);
    }
    // HE-AAC decodes to twice the rate that its container counts at.
    const scale = decoded.sampleRateHz / sampleRateHz;
    const from = Math.max(0, Math.round((skipFrames - position) * scale));
    const to = Math.min(length, Math.round((limitFrame - position) * scale));
    position += length / scale;
    if (to <= from) return;
    const gap = atFrame === undefined ? 0 : Math.round(atFrame + from / scale - given);
    if (gap > (MIN_GAP_MS * sampleRateHz) / 1000 && gap < MAX_GAP_S * sampleRateHz) {
      if (batch.frames > 0) yield batch.take();
      yield* silence(Math.round(gap * scale), batch);
      given += gap;
    }
    given += (to - from) / scale;
    batch.add(decoded, from, to);
    if (batch.frames >= BLOCK_FRAMES) yield batch.take();
  }

  let last: EncodedPacket | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const packet of readAhead(packets, {
      maxFrames: (maxDurationMs * sampleRateHz) / 1000,
      maxDurationMs,
      skipFrames,
    })) {
      last = packet;
      yield* place(decodeOne(packet), packet);
    }
    const rest = last && finish();
    if (rest) yield* place(rest, { ...last, atFrame: undefined });
    if (lost > seen / (lost > FEW ? 10 : 2)) throw damaged(container, `${lost} of ${seen} frames cannot be decoded`);
    if (lost > 0) context.warn("damaged", `${container}: ${lost} of ${seen} frames cannot be decoded`);
  } catch (error) {
    // What was decoded before the failure is given first.
    failure = { error };
  }
  if (batch.frames > 0) yield batch.take();
  if (failure) throw failure.error;
}

// ---

const BLOCK_FRAMES = 8000;
/** Time stamps are rounded to milliseconds and more: only what is clearly longer is a pause. */
const MIN_GAP_MS = 60;
/** A clock that jumps further is wrong. */
const MAX_GAP_S = 3600;
/** So many lost packets say little about the rest of a short recording. */
const FEW = 8;
/** Two-byte packets of silence for the longest audio a server takes by default fit in. */
const READ_AHEAD_BYTES = 4 * 2 ** 20;
/** What a queued packet costs beside its bytes, roughly. */
const PACKET_OVERHEAD_BYTES = 32;

interface ReadAheadOptions {
  readonly maxFrames: number;
  readonly maxDurationMs: number;
  readonly skipFrames: number;
}

/** Runs the container's reader beside the decoder, one bounded queue between them. */
async function* readAhead(
  packets: AsyncGenerator<EncodedPacket, void, undefined>,
  { maxFrames, maxDurationMs, skipFrames }: ReadAheadOptions,
): AsyncGenerator<EncodedPacket, void, undefined> {
  const queue: EncodedPacket[] = [];
  let queuedBytes = 0;
  let isEnded = false;
  let isStopped = false;
  let failure: { readonly error: unknown } | undefined;
  let isRefused = false;
  let wake: (() => void) | undefined;
  const isFull = (): boolean => queuedBytes > READ_AHEAD_BYTES && !isStopped;
  const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const notify = (): void => {
    const resolve = wake;
    wake = undefined;
    resolve?.();
  };

  async function read(): Promise<void> {
    try {
      for await (const packet of packets) {
        if (isStopped) return;
        if ((packet.endFrame ?? 0) - skipFrames > maxFrames) {
          isRefused = true;
          return;
        }
        queue.push(packet);
        queuedBytes += packet.data.length + PACKET_OVERHEAD_BYTES;
        notify();
        while (isFull()) await changed();
      }
    } catch (error) {
      failure = { error };
    } finally {
      isEnded = true;
      notify();
    }
  }

  // Never rejects: what went wrong waits in `failure` until the packets before it are decoded.
  void read();
  // Lets the reader take all that has arrived before the first packet is decoded.
  await new Promise((resolve) => setImmediate(resolve));

  try {
    for (let at = 0; ;) {
      if (isRefused) throw audioTooLong(maxDurationMs);
      const packet = queue[at];
      if (packet) {
        at++;
        // Shifting one by one would copy the queue for every packet.
        if (at >= 1024) {
          queue.splice(0, at);
          at = 0;
        }
        queuedBytes -= packet.data.length + PACKET_OVERHEAD_BYTES;
        notify();
        yield packet;
      } else if (isEnded) {
        if (failure) throw failure.error;
        return;
      } else {
        await changed();
      }
    }
  } finally {
    isStopped = true;
    notify();
  }
}

function* silence(frames: number, { sampleRateHz, channelCount }: Batch): Generator<AudioBlock, void, undefined> {
  for (let left = frames; left > 0; left -= BLOCK_FRAMES) {
    const length = Math.min(left, BLOCK_FRAMES);
    yield { sampleRateHz, channels: Array.from({ length: channelCount }, () => new Float32Array(length)) };
  }
}

interface Batch {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly frames: number;
  add(decoded: DecodedPacket, from: number, to: number): void;
  take(): AudioBlock;
}

function createBatch(sampleRateHz: number, channelCount: number, isSurround: boolean): Batch {
  let parts: Float32Array[][] = [];
  let frames = 0;
  let speakers: number | undefined;
  return {
    sampleRateHz,
    channelCount,
    get frames() {
      return frames;
    },
    add({ channels, speakers: named }, from, to) {
      speakers = named ?? (isSurround ? SPEAKERS_BY_COUNT[channelCount] : undefined);
      parts.push(channels.map((samples) => samples.subarray(from, to)));
      frames += to - from;
    },
    take() {
      const channels = Array.from({ length: channelCount }, (_, channel) => {
        const joined = new Float32Array(frames);
        let at = 0;
        for (const part of parts) {
          joined.set(part[channel]!, at);
          at += part[channel]!.length;
        }
        return joined;
      });
      parts = [];
      frames = 0;
      return { sampleRateHz, channels, ...(speakers !== undefined && { speakers }) };
    },
  };
}
