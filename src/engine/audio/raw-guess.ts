import type { RawAudio } from "../../shared/audio-problem.ts";
import { A_LAW, deinterleave, MU_LAW, SAMPLE_BYTES, type SampleEncoding } from "./codec/pcm.ts";
import { roughness } from "./wav/shape.ts";

/**
 * What samples without a header most likely are; undefined when nothing in the data says so. Three measures, and all must agree: which bytes
 * are spread alike says how wide a sample is, the smoothest reading which one it is, and for samples of one byte the right order of their codes
 * has one hill where others have several.
 */
export function guessRaw(head: Uint8Array): RawAudio | undefined {
  const width = widthOf(head) ?? 0;
  if (head.length < MIN_SAMPLES * width || new Set(head).size < LEAST_CODES) return undefined;
  const readings = READINGS.filter(({ encoding }) => SAMPLE_BYTES[encoding] === width)
    .flatMap(({ encoding, format }) => [1, 2].map((channelCount) => ({ encoding, format, channelCount })))
    .map((reading) => ({ ...reading, cost: costOf(head, reading) }))
    .toSorted((a, b) => a.cost - b.cost);
  const [best] = readings;
  if (!best || best.cost >= (width === 1 ? MOST_ROUGH * MOST_HILLS : MOST_ROUGH)) return undefined;
  const other = readings.find(({ encoding }) => encoding !== best.encoding);
  if (other && other.cost < best.cost * CLEARLY) return undefined;
  return { format: best.format, channelCount: best.channelCount };
}

/** Codes of a few bits without a header, as telephony and dictation have them: some codes are clearly more frequent than others. */
export function mayBeTelephony(head: Uint8Array): boolean {
  if (head.length < MIN_BYTES || [2, 4].includes(widthOf(head) ?? 1)) return false;
  const spread = spreadOf(head, 1, 0);
  const bits = bitsOf(spread);
  return bits < MOST_BITS && bits > LEAST_BITS && spread[0]! < MOST_ZEROS;
}

/** G.726 has no code 0: bytes of two codes lack all that have one. */
export function isOfNibbles(head: Uint8Array): boolean {
  const others = head.reduce((count, byte) => count + Number(byte < 16 || (byte & 15) === 0), 0);
  return head.length >= MIN_BYTES && others < head.length / 500;
}

/** A container sent with `curl --data` has lost every NUL, line feed and carriage return; 1 kB without one does not happen otherwise. */
export function hasLostBytes(head: Uint8Array): boolean {
  return head.length >= MIN_BYTES && !head.some((byte) => byte === 0 || byte === 0x0a || byte === 0x0d);
}

// ---

const MIN_BYTES = 1024;
/** A second and a half of telephone audio: less says too little. */
const MIN_SAMPLES = 12_000;
/** Speech stays well below, noise lies at 1.3. */
const MOST_ROUGH = 0.95;
/** Hills of a histogram: 1 to 1.5 in the right order of codes, 2 and more in others. */
const MOST_HILLS = 1.6;
/** How much worse the next reading must be. */
const CLEARLY = 1.3;
/** Bytes at other places in a sample are spread this differently: 0.4 and more; those at the same place 0.1 and less. */
const DIFFERENT = 0.3;
/** In standard deviations, roughly. */
const BY_ACCIDENT = 1.5;
/** Digital silence and very soft samples of one byte sound alike in every reading. */
const LEAST_CODES = 24;
/** No speech is louder; codes of another law read as plain samples are. */
const MOST_LEVEL = 0.3;
/** Of 8: noise, compressed and encrypted data have nearly all. */
const MOST_BITS = 7.8;
const LEAST_BITS = 3;
const MOST_ZEROS = 0.5;

/** What ffmpeg calls it, too. */
const READINGS: readonly { readonly encoding: SampleEncoding; readonly format: string }[] = [
  { encoding: "pcmu", format: "mulaw" },
  { encoding: "pcma", format: "alaw" },
  ...(["u8", "s8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be"] as const).map(
    (encoding) => ({ encoding, format: encoding }),
  ),
];

function costOf(
  head: Uint8Array,
  { encoding, channelCount }: { readonly encoding: SampleEncoding; readonly channelCount: number },
): number {
  const order = ORDERS[encoding];
  if ((encoding === "u8" || encoding === "s8") && levelOf(head, encoding) > MOST_LEVEL) return Number.POSITIVE_INFINITY;
  if (order) return roughness(head, encoding, channelCount) * hillsOf(head, order);
  // The first bits of a sample say less than its last ones.
  const [low, high] = encoding === "s16le" ? [0, 1] : [1, 0];
  if (encoding.startsWith("s16") && bitsOf(spreadOf(head, 2, high)) >= bitsOf(spreadOf(head, 2, low)))
    return Number.POSITIVE_INFINITY;
  return roughness(head, encoding, channelCount);
}

/** Mean size of the samples. */
function levelOf(head: Uint8Array, encoding: SampleEncoding): number {
  const samples = deinterleave(head, encoding, 1)[0]!; // one channel
  return samples.reduce((sum, sample) => sum + Math.abs(sample), 0) / samples.length;
}

/** Bytes of one sample: the bytes of each of its places are spread in their own way. undefined where that is not clear. */
function widthOf(head: Uint8Array): 1 | 2 | 3 | 4 | undefined {
  const differ = (stride: number, a: number, b: number): number => {
    const first = spreadOf(head, stride, a);
    const second = spreadOf(head, stride, b);
    return first.reduce((sum, share, i) => sum + Math.abs(share - second[i]!), 0) / 2;
  };
  // Few bytes are spread differently by accident.
  const least = (stride: number): number =>
    Math.max(DIFFERENT, BY_ACCIDENT * Math.sqrt((256 * stride) / (Math.PI * head.length)) + DIFFERENT / 2);
  if (Math.max(differ(4, 0, 2), differ(4, 1, 3)) > least(4)) return 4;
  if (Math.max(differ(3, 0, 1), differ(3, 0, 2)) > least(3)) return 3;
  const pairs = differ(2, 0, 1);
  return pairs > least(2) ? 2 : pairs > least(2) / 2.5 ? undefined : 1;
}

function bitsOf(spread: readonly number[]): number {
  return -spread.reduce((sum, share) => sum + (share > 0 ? share * Math.log2(share) : 0), 0);
}

/** Share of each byte value among every `stride`-th byte. */
function spreadOf(head: Uint8Array, stride: number, from: number): number[] {
  const counts = Array.from<number>({ length: 256 }).fill(0);
  let total = 0;
  for (let at = from; at < head.length; at += stride) {
    counts[head[at]!]!++;
    total++;
  }
  return counts.map((count) => count / total);
}

/** Codes of one byte from the lowest sample to the highest. */
const ORDERS: Partial<Readonly<Record<SampleEncoding, readonly number[]>>> = {
  pcmu: sorted((code) => MU_LAW[code]! + (code === 0xff ? 1e-6 : 0)), // +0 behind -0
  pcma: sorted((code) => A_LAW[code]!),
  u8: sorted((code) => code),
  s8: sorted((code) => (code + 128) & 255),
};

function sorted(valueOf: (code: number) => number): number[] {
  return Array.from({ length: 256 }, (_, code) => code).toSorted((a, b) => valueOf(a) - valueOf(b));
}

/** How many hills the histogram has in this order of codes. Digital silence, which is one spike in any order, is left out. */
function hillsOf(head: Uint8Array, order: readonly number[]): number {
  const counts = Array.from<number>({ length: 256 }).fill(0);
  let run = 0;
  for (let at = 1; at < head.length; at++) {
    run = head[at] === head[at - 1] ? run + 1 : 0;
    if (run < LONGEST_RUN) counts[head[at]!]!++;
  }
  const heightOf = (i: number): number => counts[order[i] ?? -1] ?? 0;
  let ups = 0;
  let top = 1;
  let last = 0;
  for (let i = 0; i <= order.length; i++) {
    const height = heightOf(i) / 2 + (heightOf(i - 1) + heightOf(i + 1)) / 4;
    ups += Math.abs(height - last);
    top = Math.max(top, height);
    last = height;
  }
  return ups / (2 * top);
}

const LONGEST_RUN = 3;
