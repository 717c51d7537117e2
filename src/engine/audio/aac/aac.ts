import type { PacketDecoder } from "../codec/packet-decoder.ts";
import { damaged, unsupported } from "../refuse.ts";
import { createCodec } from "../codec/symphonia.ts";

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
  readonly channelCount: number;
}

/**
 * A decoder for AAC-LC. HE-AAC is AAC-LC at half the rate plus data to guess the upper half of the spectrum: only the
 * real part is decoded, which reaches to 8 kHz or more at the bit rates in use, all that recognition at 16 kHz hears.
 */
export async function createAacCodec({ objectType, sampleRateHz, channelCount }: AacConfig): Promise<PacketDecoder> {
  if (objectType !== 2) throw unsupported("AAC", `object type ${objectType} is not supported`);
  if (channelCount < 1 || channelCount > 2) {
    throw unsupported("AAC", `the channel count must be 1 or 2, got ${channelCount}`, "stereo");
  }
  return await createCodec({ codec: "aac", sampleRateHz, channelCount });
}

/** Parses an AudioSpecificConfig (ISO/IEC 14496-3) down to the core that `createAacCodec` decodes. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  let at = 0;
  function bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      const byte = bytes[at >> 3];
      if (byte === undefined) throw damaged("AAC", "the decoder configuration is cut short");
      value = value * 2 + ((byte >> (7 - (at & 7))) & 1);
    }
    return value;
  }
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
  if (objectType === 2 && bits(1) === 1) throw unsupported("AAC", "frames of 960 samples are not supported");
  return { objectType, sampleRateHz, channelCount: channelConfig === 7 ? 8 : channelConfig };
}
