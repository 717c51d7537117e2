/** Bytes of PCM16 little-endian mono → float32 in [-1, 1). An odd byte waits for its other half in the next call. */
export interface Pcm16Reader {
  /** The caller owns the returned samples; the bytes are not kept. */
  push(bytes: Uint8Array): Float32Array;
  /** 1 while half a sample waits. */
  readonly pendingBytes: 0 | 1;
}

export function createPcm16Reader(): Pcm16Reader {
  let carried = -1;
  return {
    get pendingBytes() {
      return carried < 0 ? 0 : 1;
    },
    push(bytes) {
      const isCarrying = carried >= 0;
      const total = bytes.length + (isCarrying ? 1 : 0);
      const samples = new Float32Array(total >> 1);
      let from = 0;
      let to = 0;
      if (isCarrying && bytes.length > 0) {
        samples[to++] = toSigned16(carried | (bytes[0]! << 8)) / 32768;
        carried = -1;
        from = 1;
      }
      for (; from + 1 < bytes.length; from += 2) {
        samples[to++] = toSigned16(bytes[from]! | (bytes[from + 1]! << 8)) / 32768;
      }
      if (from < bytes.length) carried = bytes[from]!;
      return samples;
    },
  };
}

/**
 * Raw samples of any encoding, in any split → float32 mono, the mean of the channels. What is less than a frame waits for the next call.
 */
export function createSampleReader(encoding: SampleEncoding, channelCount: number): Pick<Pcm16Reader, "push"> {
  if (encoding === "s16le" && channelCount === 1) return createPcm16Reader();
  const frameBytes = SAMPLE_BYTES[encoding] * channelCount;
  let carried = new Uint8Array(0);
  return {
    push(bytes) {
      const all = carried.length === 0 ? bytes : Buffer.concat([carried, bytes]);
      const whole = all.length - (all.length % frameBytes);
      carried = new Uint8Array(all.subarray(whole));
      const [first, ...others] = deinterleave(all.subarray(0, whole), encoding, channelCount);
      const mono = first!; // there is at least one channel
      for (let at = 0; at < mono.length; at++) {
        let sum = mono[at]!;
        for (const channel of others) sum += channel[at]!;
        mono[at] = Number.isFinite(sum) ? sum / channelCount : 0;
      }
      return mono;
    },
  };
}

export type SampleEncoding =
  | "u8"
  | "s8"
  | "s16le"
  | "s24le"
  | "s32le"
  | "f32le"
  | "f64le"
  | "s16be"
  | "s24be"
  | "s32be"
  | "f32be"
  | "f64be"
  | "pcma"
  | "pcmu";

/** Bytes of one sample of one channel. */
export const SAMPLE_BYTES: Readonly<Record<SampleEncoding, number>> = {
  u8: 1,
  s8: 1,
  s16be: 2,
  s24be: 3,
  s32be: 4,
  f32be: 4,
  f64be: 8,
  s16le: 2,
  s24le: 3,
  s32le: 4,
  f32le: 4,
  f64le: 8,
  pcma: 1,
  pcmu: 1,
};

/**
 * Interleaved samples → one float32 array per channel, full scale = ±1. `bytes` holds whole frames only.
 * Float input is passed on as it is, NaN included: `decodeAudio` cleans it.
 */
export function deinterleave(bytes: Uint8Array, encoding: SampleEncoding, channelCount: number): Float32Array[] {
  const size = SAMPLE_BYTES[encoding];
  const frames = Math.floor(bytes.length / (size * channelCount));
  const channels = Array.from({ length: channelCount }, () => new Float32Array(frames));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sampleAt = READERS[encoding];
  for (let channel = 0; channel < channelCount; channel++) {
    const samples = channels[channel]!;
    let at = channel * size;
    for (let frame = 0; frame < frames; frame++, at += size * channelCount) samples[frame] = sampleAt(view, at);
  }
  return channels;
}

/** G.711 A-law byte → sample in [-1, 1). */
export const A_LAW: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + (exponent === 0 ? 8 : 0x108);
  const magnitude = exponent < 2 ? mantissa : mantissa << (exponent - 1);
  return (bits & 0x80 ? magnitude : -magnitude) / 32768;
});

/** G.711 µ-law byte → sample in [-1, 1). */
export const MU_LAW: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
});

// ---

const READERS: Readonly<Record<SampleEncoding, (view: DataView, at: number) => number>> = {
  u8: (view, at) => (view.getUint8(at) - 128) / 128,
  s8: (view, at) => view.getInt8(at) / 128,
  s16be: (view, at) => view.getInt16(at) / 32768,
  s24be: (view, at) => ((view.getInt8(at) << 16) | view.getUint16(at + 1)) / 8388608,
  s32be: (view, at) => view.getInt32(at) / 2147483648,
  f32be: (view, at) => view.getFloat32(at),
  f64be: (view, at) => view.getFloat64(at),
  s16le: (view, at) => view.getInt16(at, true) / 32768,
  s24le: (view, at) => (view.getUint16(at, true) | (view.getInt8(at + 2) << 16)) / 8388608,
  s32le: (view, at) => view.getInt32(at, true) / 2147483648,
  f32le: (view, at) => view.getFloat32(at, true),
  f64le: (view, at) => view.getFloat64(at, true),
  pcma: (view, at) => A_LAW[view.getUint8(at)]!,
  pcmu: (view, at) => MU_LAW[view.getUint8(at)]!,
};

function toSigned16(value: number): number {
  return (value << 16) >> 16;
}
