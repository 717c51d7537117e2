import { SAMPLE_BYTES, deinterleave, type SampleEncoding } from "../codec/pcm.ts";
import type { LinearShape } from "../linear/samples.ts";
import { MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ } from "../refuse.ts";

/** The fields of a `fmt` chunk, as they stand. */
export interface WavFields {
  readonly tag: number;
  readonly channelCount: number;
  readonly sampleRateHz: number;
  readonly byteRate: number;
  readonly blockAlign: number;
  readonly bits: number;
  /** Mask of speakers; undefined where the header names none. */
  readonly speakers: number | undefined;
  /** What a codec adds to the header. */
  readonly extra: Uint8Array;
  /** Big-endian samples (RIFX). */
  readonly isBigEndian: boolean;
}

export const TAG_PCM = 1;
export const TAG_FLOAT = 3;
export const TAG_A_LAW = 6;
export const TAG_MU_LAW = 7;
export const TAG_MPEG = 0x50;
export const TAG_MP3 = 0x55;
export const TAG_AC3 = 0x2000;

/** How many bytes at the start of the samples decide between readings. */
export const PROBE_BYTES = 65_536;

/**
 * Finds the shape that header and data agree on. Where bits, frame size and channel count contradict each other, the
 * readings that some of them support are tried on the samples, and the smoothest is taken: read with the wrong width,
 * speech becomes noise.
 *
 * @param probe the first samples
 * @returns undefined when no reading is possible; `isRepaired` when the header was contradicted
 */
export function findShape(fields: WavFields, probe: Uint8Array): (LinearShape & { isRepaired: boolean }) | undefined {
  const sampleRateHz = rateOf(fields);
  const channelCount = fields.channelCount || Math.max(1, Math.floor(fields.blockAlign / Math.ceil(fields.bits / 8)));
  const isRateRepaired = sampleRateHz !== fields.sampleRateHz || channelCount !== fields.channelCount;
  const byBits = encodingOf(fields, Math.ceil(fields.bits / 8));
  const byAlign = encodingOf(fields, fields.blockAlign / channelCount);
  const take = (encoding: SampleEncoding, channels: number, isRepaired: boolean) => ({
    encoding,
    channelCount: channels,
    sampleRateHz,
    speakers: fields.speakers,
    isRepaired: isRepaired || isRateRepaired,
  });
  if (byAlign && (byAlign === byBits || isWiderContainer(fields, channelCount)))
    return take(byAlign, channelCount, false);
  // G.711 has one width: its bit count is often 16, that of what it decodes to.
  if (byAlign && isG711(fields.tag)) return take(byAlign, channelCount, false);

  const readings: { readonly encoding: SampleEncoding; readonly channels: number }[] = [];
  if (byBits) readings.push({ encoding: byBits, channels: channelCount });
  const channels = byBits === undefined ? 0 : fields.blockAlign / SAMPLE_BYTES[byBits];
  if (byBits && Number.isInteger(channels) && channels >= 1 && channels <= 8 && channels !== channelCount) {
    readings.push({ encoding: byBits, channels });
  }
  if (byAlign) readings.push({ encoding: byAlign, channels: channelCount });
  let best: (typeof readings)[number] | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const reading of readings) {
    const rough = roughness(probe, reading.encoding, reading.channels);
    if (best === undefined || rough < lowest * 0.95) {
      best = reading;
      lowest = rough;
    }
  }
  return best && take(best.encoding, best.channels, true);
}

// ---

function isG711(tag: number): boolean {
  return tag === TAG_A_LAW || tag === TAG_MU_LAW;
}

/** 12 and 20 bits stand in 2 and 3 bytes, 24 may stand in 4: the frame size says how many, without a contradiction. */
function isWiderContainer({ tag, bits, blockAlign }: WavFields, channelCount: number): boolean {
  const bytes = blockAlign / channelCount;
  return tag === TAG_PCM && bits > 0 && bits <= bytes * 8 && (bits % 8 !== 0 || (bits === 24 && bytes === 4));
}

function rateOf({ sampleRateHz, byteRate, blockAlign }: WavFields): number {
  const isSound = (rate: number): boolean => rate >= MIN_SAMPLE_RATE_HZ && rate <= MAX_SAMPLE_RATE_HZ;
  const implied = byteRate / blockAlign;
  return !isSound(sampleRateHz) && Number.isInteger(implied) && isSound(implied) ? implied : sampleRateHz;
}

function encodingOf({ tag, isBigEndian }: WavFields, sampleBytes: number): SampleEncoding | undefined {
  const little: SampleEncoding | undefined =
    tag === TAG_PCM
      ? ({ 1: "u8", 2: "s16le", 3: "s24le", 4: "s32le" } as const)[sampleBytes]
      : tag === TAG_FLOAT
        ? ({ 4: "f32le", 8: "f64le" } as const)[sampleBytes]
        : isG711(tag) && sampleBytes === 1
          ? tag === TAG_A_LAW
            ? "pcma"
            : "pcmu"
          : undefined;
  return isBigEndian ? (little?.replace("le", "be") as SampleEncoding | undefined) : little; // every "le" has its "be"
}

/** -80 dBFS. */
const SILENT_LEVEL = 1e-4;
/** A reading that cannot be right. */
const ABSURD = 2;

/**
 * How rough a reading is: 1.3 for noise, 0.3 to 0.6 for speech. Several channels that are all smooth count as the
 * smoothest of them: two halves of wider samples are never both smooth.
 */
export function roughness(probe: Uint8Array, encoding: SampleEncoding, channelCount: number): number {
  if (channelCount > MAX_CHANNELS) return ABSURD;
  const found = deinterleave(probe, encoding, channelCount).map(channelRoughness);
  const heard = found.filter((value) => value !== undefined);
  if (heard.length === 0) return 1;
  // The low half of wider samples is often empty.
  if (heard.length < found.length) return ABSURD;
  const worst = Math.max(...heard);
  return worst < 1 ? Math.min(...heard) : worst;
}

/** Mean step from sample to sample over the mean deviation; undefined for silence. */
function channelRoughness(samples: Float32Array): number | undefined {
  if (samples.length < 3) return undefined;
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const steps = [0, 0];
  let size = 0;
  let level = 0;
  for (let i = 1; i < samples.length; i++) {
    const value = samples[i]!;
    // Floats out of range are not samples.
    if (!(Math.abs(value) < 8)) return ABSURD;
    steps[i % 2]! += Math.abs(value - samples[i - 1]!);
    size += Math.abs(value - mean);
    level += Math.abs(value);
  }
  if (size < samples.length * SILENT_LEVEL) return undefined;
  const [even = 0, odd = 0] = steps;
  // Two channels read as one: every second step is from one to the other.
  if (Math.min(even, odd) < 0.7 * Math.max(even, odd)) return ABSURD;
  // No recording has this level: the bytes of narrower samples, put together wrongly.
  if (level > samples.length / 2) return ABSURD;
  return (even + odd) / size;
}
