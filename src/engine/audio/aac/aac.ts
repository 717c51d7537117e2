import type { PacketDecoder } from "../codec/packet-decoder.ts";
import { damaged, unsupported } from "../refuse.ts";
import { createCodec } from "../codec/symphonia.ts";
import { inWaveOrder, layoutOf, parseProgramConfig, type AacLayout } from "./layout.ts";

/** Samples per channel of one AAC-LC frame. */
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
  /** MPEG-4 audio object type of the core: 2 = low complexity. */
  readonly objectType: number;
  /** Of the core. */
  readonly sampleRateHz: number;
  readonly layout: AacLayout;
  /** The header says that it is HE-AAC. */
  readonly isHighEfficiency?: boolean;
}

/**
 * A decoder for AAC-LC. HE-AAC is AAC-LC at half the rate plus data to guess the upper half of the spectrum: only the
 * real part is decoded, and the decoder says so.
 */
export async function createAacCodec({
  objectType,
  sampleRateHz,
  layout,
  isHighEfficiency = false,
}: AacConfig): Promise<PacketDecoder> {
  const { channelCount } = layout;
  if (objectType !== 2) throw unsupported("AAC", `object type ${objectType} is not supported`, "convert");
  if (channelCount < 1 || channelCount > 8) {
    throw unsupported("AAC", `the channel count must be 1–8, got ${channelCount}`, "convert");
  }
  const core = await createCodec({ codec: "aac", sampleRateHz, channelCount });
  return {
    decode(packet) {
      const { channels, ...rest } = core.decode(packet);
      return { ...rest, ...inWaveOrder(channels, layout) };
    },
    leftOut: () =>
      isHighEfficiency || core.isCoreOnly()
        ? `AAC: this is HE-AAC, whose upper band (from ${sampleRateHz / 2000} kHz or less on) is not decoded; ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav converts it whole`
        : undefined,
  };
}

/** Makes a reader of big-endian bits, which throws at the end of `bytes`. */
export function createBitReader(bytes: Uint8Array): (count: number) => number {
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

/** Returns the layout of a channel configuration, or throws. */
export function channelLayout(channelConfig: number): AacLayout {
  const layout = layoutOf(channelConfig);
  if (!layout) throw unsupported("AAC", `channel configuration ${channelConfig} is not supported`, "convert");
  return layout;
}

/** Parses an AudioSpecificConfig (ISO/IEC 14496-3) down to the core that `createAacCodec` decodes. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  const bits = createBitReader(bytes);
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
  const isHighEfficiency = objectType === 5 || objectType === 29;
  if (isHighEfficiency) {
    readRate();
    objectType = readObjectType();
  }
  if (objectType === 2 && bits(1) === 1) throw unsupported("AAC", "frames of 960 samples are not supported", "convert");
  if (channelConfig > 0 || objectType !== 2) {
    const layout = objectType === 2 ? channelLayout(channelConfig) : { channelCount: 1, speakers: undefined };
    return { objectType, sampleRateHz, layout, isHighEfficiency };
  }
  // The core coder's delay and the extension flag, then the program config element.
  if (bits(1) === 1) bits(14);
  bits(1);
  return { objectType, sampleRateHz, layout: parseProgramConfig(bits), isHighEfficiency };
}
