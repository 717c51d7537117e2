import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import type { DecodedPacket, PacketDecoder } from "../codec/packet-decoder.ts";
import { damaged, unsupported } from "../refuse.ts";

/** Samples per channel of one frame, at the rate of the core. */
export const AAC_FRAME_SAMPLES = 1024;
/**
 * The first frame overlaps with nothing before it: encoders put (part of) their delay there, a stream cut out of another
 * has noise. Dropped where a container does not say the delay itself.
 */
export const AAC_FIRST_FRAME = 1024;

export const AAC_RATES_HZ: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];

export interface AacConfig {
  /** Of the core: HE-AAC decodes to twice of it. */
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** At the rate of the core. */
  readonly frameSamples: number;
  /** AudioSpecificConfig; undefined where each frame has a header of its own. */
  readonly privateData: Uint8Array | undefined;
}

/** Makes a decoder for AAC in all its kinds, HE-AAC whole. Its channels are in the order of WAVE. */
export async function createAacCodec({ sampleRateHz, channelCount, privateData }: AacConfig): Promise<PacketDecoder> {
  const codec = await createFfmpegCodec({
    codec: "AAC",
    sampleRateHz,
    channelCount,
    ...(privateData && { privateData }),
  });
  if (channelCount > 1) return codec;
  // HE-AAC may make stereo of one channel: the decoder gives two wherever it could.
  const narrow = (decoded: DecodedPacket): DecodedPacket => {
    const [left, right] = decoded.channels;
    const isMono =
      left && right && decoded.channels.length === 2 && Buffer.compare(bytesOf(left), bytesOf(right)) === 0;
    return isMono ? { ...decoded, channels: [left] } : decoded;
  };
  return { ...codec, decode: (packet) => narrow(codec.decode(packet)) };
}

/** Channels of a channel configuration (ISO/IEC 14496-3, table 1.19), or throws. */
export function channelsOf(channelConfig: number): number {
  const count = CHANNEL_COUNTS[channelConfig];
  if (!count) throw unsupported("AAC", `channel configuration ${channelConfig} is not supported`, "convert");
  return count;
}

/** Channels of a frame whose header names none: of the program config element in it, else of its first element. */
export function channelsOfFrame(frame: Uint8Array): number {
  const bits = createBitReader(frame);
  const element = bits(3);
  return element === 5 ? countProgramConfig(bits) : element === 1 ? 2 : 1;
}

/** The AudioSpecificConfig of plain AAC; undefined when there is none for this rate or channel count. */
export function plainConfig(sampleRateHz: number, channelCount: number): Uint8Array | undefined {
  const rate = AAC_RATES_HZ.indexOf(sampleRateHz);
  const channelConfig = channelCount === 8 ? 7 : channelCount;
  if (rate < 0 || channelConfig < 1 || channelConfig > 7) return undefined;
  return new Uint8Array([(2 << 3) | (rate >> 1), ((rate & 1) << 7) | (channelConfig << 3)]);
}

/** Reads from an AudioSpecificConfig (ISO/IEC 14496-3) what must be known before its frames are decoded. */
export function parseAudioSpecificConfig(config: Uint8Array): AacConfig {
  const bits = createBitReader(config);
  const readObjectType = (): number => {
    const type = bits(5);
    return type === 31 ? 32 + bits(6) : type;
  };
  const readRate = (): number => {
    const index = bits(4);
    const rate = index === 15 ? bits(24) : AAC_RATES_HZ[index];
    if (rate === undefined) throw unsupported("AAC", `sample rate index ${index} is not defined`);
    return rate;
  };
  let objectType = readObjectType();
  const sampleRateHz = readRate();
  const channelConfig = bits(4);
  // 5 = SBR, 29 = parametric stereo: the rate of the extension and the type of the core follow.
  if (objectType === 5 || objectType === 29) {
    readRate();
    objectType = readObjectType();
  }
  const privateData = config.slice();
  if (objectType === USAC) return { sampleRateHz, channelCount: channelConfig || 1, frameSamples: 1024, privateData };
  const isShort = bits(1) === 1;
  const [long, short] = objectType === LOW_DELAY || objectType === ENHANCED_LOW_DELAY ? [512, 480] : [1024, 960];
  const frameSamples = isShort ? short : long;
  if (channelConfig > 0) return { sampleRateHz, channelCount: channelsOf(channelConfig), frameSamples, privateData };
  // The core coder's delay and the extension flag, then the program config element.
  if (bits(1) === 1) bits(14);
  bits(1);
  return { sampleRateHz, channelCount: countProgramConfig(bits), frameSamples, privateData };
}

// ---

const LOW_DELAY = 23;
const ENHANCED_LOW_DELAY = 39;
const USAC = 42;
const CHANNEL_COUNTS: Readonly<Record<number, number>> = {
  1: 1,
  2: 2,
  3: 3,
  4: 4,
  5: 5,
  6: 6,
  7: 8,
  11: 7,
  12: 8,
  14: 8,
};

function bytesOf(samples: Float32Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** Makes a reader of big-endian bits, which throws at the end of `bytes`. */
function createBitReader(bytes: Uint8Array): (count: number) => number {
  let at = 0;
  return (count) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      const byte = bytes[at >> 3];
      if (byte === undefined) throw damaged("AAC", "the decoder configuration is cut short");
      value = value * 2 + ((byte >> (7 - (at & 7))) & 1);
    }
    return value;
  };
}

/** Channels of a program config element. */
function countProgramConfig(bits: (count: number) => number): number {
  bits(4 + 2 + 4);
  const [front, side, back, lfe] = [bits(4), bits(4), bits(4), bits(2)];
  bits(3 + 4);
  for (const mixdownBits of [4, 4, 3]) if (bits(1)) bits(mixdownBits);
  let count = lfe;
  for (let left = front + side + back; left > 0; left--) {
    count += 1 + bits(1);
    bits(4);
  }
  return count;
}
