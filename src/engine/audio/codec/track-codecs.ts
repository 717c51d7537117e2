import type { AacConfig } from "../aac/aac.ts";
import { AAC_FIRST_FRAME, createAacCodec } from "../aac/aac.ts";
import type { PacketDecoder } from "./packet-decoder.ts";
import { parseFrameHeader, parseStreamInfo } from "../flac/flac.ts";
import { MPEG_DECODER_DELAY, parseMpegHeader } from "../mp3/mp3.ts";
import { createIma4Decoder, IMA4_BLOCK_FRAMES } from "./ima4.ts";
import type { OpusHead } from "./opus.ts";
import { OPUS_RATE_HZ, createOpusCodec, opusPacketFrames } from "./opus.ts";
import type { SampleEncoding } from "./pcm.ts";
import { SAMPLE_BYTES, deinterleave } from "./pcm.ts";
import { parseAc3Header } from "../ac3/ac3.ts";
import { createFfmpegCodec, type FfmpegOptions } from "./ffmpeg.ts";
import { damaged, unsupported } from "../refuse.ts";
import { AMR_NB, AMR_WB, amrPacketFrames, createAmrDecoder, type AmrKind } from "../speech/amr.ts";
import { GSM_FRAME_BYTES, GSM_FRAMES, GSM_RATE_HZ } from "../speech/gsm.ts";
import { createCodec } from "./symphonia.ts";
import { createVorbisCodec, createVorbisCounter, parseVorbisHead } from "./vorbis.ts";

/** What a container with packets of a known codec needs to decode one of its tracks. */
export interface TrackCodec {
  readonly name: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Samples to drop at the start when the container does not say it better: the codec's own delay. */
  readonly skipFrames: number;
  /** The channels are those of a surround layout, in the order of WAVE. */
  readonly isSurround?: boolean;
  readonly createDecoder: () => Promise<PacketDecoder>;
  /** Makes a function that counts the samples of each packet, in order, without decoding it. */
  readonly createCounter: () => (packet: Uint8Array) => number;
}

export function opusTrack(head: OpusHead): TrackCodec {
  return {
    name: "opus",
    sampleRateHz: OPUS_RATE_HZ,
    channelCount: head.channelCount,
    isSurround: head.isSurround,
    skipFrames: head.preSkip,
    createDecoder: () => createOpusCodec(head),
    createCounter: () => (packet) => opusPacketFrames(packet, head.streamCount) ?? 0,
  };
}

/** @param identification first header packet @param setup third header packet */
export function vorbisTrack(identification: Uint8Array, setup: Uint8Array | undefined): TrackCodec {
  const head = parseVorbisHead(identification);
  return {
    name: "vorbis",
    sampleRateHz: head.sampleRateHz,
    channelCount: head.channelCount,
    isSurround: true,
    skipFrames: 0,
    createDecoder: () => createVorbisCodec(head, setup),
    createCounter: () => createVorbisCounter(head, setup),
  };
}

/** @param streamInfo the 34 bytes of the STREAMINFO block */
export function flacTrack(streamInfo: Uint8Array): TrackCodec {
  const { sampleRateHz, channelCount } = parseStreamInfo(streamInfo);
  return {
    name: "flac",
    sampleRateHz,
    channelCount,
    isSurround: true,
    skipFrames: 0,
    createDecoder: () => createCodec({ codec: "flac", privateData: streamInfo }),
    createCounter: () => (packet) => parseFrameHeader(packet, 0)?.samples ?? 0,
  };
}

export function aacTrack(config: AacConfig): TrackCodec {
  return {
    name: "aac",
    sampleRateHz: config.sampleRateHz,
    channelCount: config.channelCount,
    skipFrames: AAC_FIRST_FRAME,
    createDecoder: () => createAacCodec(config),
    createCounter: () => () => config.frameSamples,
  };
}

/** Containers are often wrong about rate and channels of MP3: the first frame is right. */
export function mpegTrack(firstPacket: Uint8Array): TrackCodec {
  const header = firstPacket.length >= 4 ? parseMpegHeader(firstPacket, 0) : undefined;
  if (!header) throw damaged("MP3", "the first packet is not an audio frame");
  const name = header.layer === 2 ? "mp2" : "mp3";
  return {
    name,
    sampleRateHz: header.sampleRateHz,
    channelCount: header.channelCount,
    skipFrames: MPEG_DECODER_DELAY[header.layer],
    createDecoder: () => createCodec({ codec: name }),
    createCounter: () => () => header.samples,
  };
}

/** @param cookie ALACSpecificConfig, 24 bytes or more */
export function alacTrack(cookie: Uint8Array): TrackCodec {
  if (cookie.length < 24) throw damaged("ALAC", "the decoder configuration is cut short");
  const view = new DataView(cookie.buffer, cookie.byteOffset, cookie.byteLength);
  const packetFrames = view.getUint32(0);
  // The decoder makes a buffer of this size; encoders use 4096.
  if (packetFrames < 1 || packetFrames > 65_536) {
    throw damaged("ALAC", `a packet must have 1–65536 samples, got ${packetFrames}`);
  }
  return {
    name: "alac",
    sampleRateHz: view.getUint32(20),
    channelCount: cookie[9]!,
    skipFrames: 0,
    createDecoder: () => createCodec({ codec: "alac", privateData: cookie }),
    createCounter: () => () => packetFrames,
  };
}

export function pcmTrack(encoding: SampleEncoding, sampleRateHz: number, channelCount: number): TrackCodec {
  if (SAMPLE_BYTES[encoding] === undefined)
    throw unsupported("PCM", `samples of the kind ${encoding} are not supported`, "convert");
  const frameBytes = SAMPLE_BYTES[encoding] * channelCount;
  return {
    name: "pcm",
    sampleRateHz,
    channelCount,
    skipFrames: 0,
    createDecoder: async () => ({
      decode: (packet) => ({ sampleRateHz, channels: deinterleave(packet, encoding, channelCount) }),
    }),
    createCounter: () => (packet) => Math.floor(packet.length / frameBytes),
  };
}

/** A packet has a block of each channel. */
export function ima4Track(sampleRateHz: number, channelCount: number): TrackCodec {
  return {
    name: "ima4",
    sampleRateHz,
    channelCount,
    skipFrames: 0,
    createDecoder: async () => createIma4Decoder(sampleRateHz, channelCount),
    createCounter: () => () => IMA4_BLOCK_FRAMES,
  };
}

export interface FfmpegTrackOptions extends FfmpegOptions {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Samples per channel of a packet, without decoding it; 0 = only the decoder knows. */
  readonly framesOf: (packet: Uint8Array) => number;
}

export function ffmpegTrack({ framesOf, ...options }: FfmpegTrackOptions): TrackCodec {
  return {
    name: options.codec.toLowerCase().replace(/[ .]/g, "-"),
    sampleRateHz: options.sampleRateHz,
    channelCount: options.channelCount,
    skipFrames: 0,
    createDecoder: () => createFfmpegCodec(options),
    createCounter: () => framesOf,
  };
}

/** The codecs whose four characters mean the same in MP4, QuickTime and CAF, and that need nothing but their packets. */
export const PLAIN_CODECS: Readonly<Record<string, (firstPacket: Uint8Array) => TrackCodec>> = {
  ".mp2": mpegTrack,
  ".mp3": mpegTrack,
  "ms\0\x55": mpegTrack,
  samr: () => amrTrack(AMR_NB),
  sawb: () => amrTrack(AMR_WB),
  "ac-3": ac3Track,
  "ec-3": ac3Track,
};

export function amrTrack(kind: AmrKind): TrackCodec {
  return {
    name: kind.codec.toLowerCase(),
    sampleRateHz: kind.sampleRateHz,
    channelCount: 1,
    skipFrames: 0,
    createDecoder: () => createAmrDecoder(kind),
    createCounter: () => (packet) => amrPacketFrames(packet, kind),
  };
}

/** Containers are often wrong about the channels of AC-3: the first frame is right. */
export function ac3Track(firstPacket: Uint8Array): TrackCodec {
  const header = firstPacket.length >= 7 ? parseAc3Header(firstPacket, 0) : undefined;
  if (!header) throw damaged("AC-3", "the first packet is not an audio frame");
  const { codec, sampleRateHz, channelCount, samples } = header;
  return ffmpegTrack({ codec, sampleRateHz, channelCount, framesOf: () => samples });
}

/** @param sampleRateHz as the container says it, like the channels */
export function dtsTrack(sampleRateHz: number, channelCount: number): TrackCodec {
  const framesOf = (packet: Uint8Array): number =>
    packet.length < 6 ? 0 : ((((packet[4]! & 1) << 6) | (packet[5]! >> 2)) + 1) * 32;
  return ffmpegTrack({ codec: "DTS", sampleRateHz, channelCount, framesOf });
}

export function gsmTrack(sampleRateHz: number = GSM_RATE_HZ): TrackCodec {
  const framesOf = (packet: Uint8Array): number => Math.floor(packet.length / GSM_FRAME_BYTES) * GSM_FRAMES;
  return ffmpegTrack({ codec: "GSM", sampleRateHz, channelCount: 1, framesOf });
}
