import { channelsIn, parseAdtsHeader, type AdtsHeader } from "../aac/adts.ts";
import { AAC_FRAME_SAMPLES, createAacCodec } from "../aac/aac.ts";
import { LOAS_SYNTAX, parseLatmConfig } from "../aac/latm.ts";
import { AC3_SYNTAX, type Ac3Header } from "../ac3/ac3.ts";
import { decodePackets, type EncodedPacket } from "../codec/decode-packets.ts";
import { createFfmpegCodec } from "../codec/ffmpeg.ts";
import type { PacketDecoder } from "../codec/packet-decoder.ts";
import { createCodec } from "../codec/symphonia.ts";
import { createByteReader, type ByteReader } from "../input/byte-reader.ts";
import {
  createFrameSource,
  framesOfKind,
  type FrameHeader,
  type FrameSyntax,
  type ScannedFrame,
} from "../input/frame-scan.ts";
import { parseMpegHeader, type MpegHeader } from "../mp3/mp3.ts";
import { damaged } from "../refuse.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "../types.ts";
import { openElementary, type Elementary } from "./elementary.ts";
import type { TsCodec } from "./tables.ts";

/**
 * MPEG transport streams (television, cameras, HLS): one audio stream with AAC (ADTS, LATM), MPEG audio, AC-3 or E-AC-3. Its time
 * stamps say where a frame is heard: it begins as much later than the recording as they say, and pauses become silence.
 */
export async function openTs(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const elementary = await openElementary(input, context);
  const links = readLinks(elementary, context);
  const first = await links.next();
  if (first.done) throw damaged("MPEG-TS", "the audio stream is empty");
  const { name, sampleRateHz, channelCount } = first.value.shape;
  return {
    format: `ts-${name}`,
    sampleRateHz,
    channelCount,
    totalFrames: undefined,
    blocks: decodeLinks(first.value, links),
  };
}

// ---

/** What the frames of a link have in common. */
interface Shape {
  readonly name: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Samples of one frame. */
  readonly samplesOf: (frame: ScannedFrame<FrameHeader>) => number;
  readonly createDecoder: () => Promise<PacketDecoder>;
}

interface Link {
  readonly shape: Shape;
  readonly blocks: AsyncGenerator<AudioBlock, void, undefined>;
}

async function* decodeLinks(first: Link, rest: AsyncGenerator<Link>): AsyncGenerator<AudioBlock, void, undefined> {
  yield* first.blocks;
  for await (const link of rest) yield* link.blocks;
}

/** One link for each run of frames of one kind: a broadcast changes between mono, stereo and surround. */
async function* readLinks(elementary: Elementary, context: OpenContext): AsyncGenerator<Link, void, undefined> {
  const bytes = createByteReader(elementary.read(), new AbortController().signal);
  const frames = createFrameSource(bytes, SYNTAX[elementary.codec], context);
  let endS = 0;
  for (let frame = await frames.next(); frame; frame = await frames.next()) {
    const shape = shapeOf(elementary.codec, frame);
    // LATM repeats its configuration: a stream that was cut out of another begins at the next one.
    if (!shape) continue;
    const { key } = frame.header;
    const startS = endS;
    frames.unread(frame);
    yield {
      shape,
      blocks: decodePackets({
        container: "MPEG-TS",
        sampleRateHz: shape.sampleRateHz,
        channelCount: shape.channelCount,
        context,
        packets: readPackets(key, shape, startS),
        createDecoder: shape.createDecoder,
      }),
    };
  }

  async function* readPackets(
    key: number,
    shape: Shape,
    startS: number,
  ): AsyncGenerator<EncodedPacket, void, undefined> {
    const { sampleRateHz } = shape;
    let endFrame = 0;
    for await (const frame of framesOfKind(frames, key)) {
      const samples = shape.samplesOf(frame);
      if (samples === 0) continue;
      const timeS = elementary.timeAt(bytes.position - frame.data.length);
      endFrame += samples;
      const atFrame = timeS === undefined ? undefined : (timeS - startS) * sampleRateHz;
      endS = (timeS ?? endS) + samples / sampleRateHz;
      yield { data: frame.data, endFrame, ...(atFrame !== undefined && { atFrame }) };
    }
  }
}

const SYNTAX: Readonly<Record<TsCodec, FrameSyntax<FrameHeader>>> = {
  mpeg: { container: "MPEG-TS", headerBytes: 4, parse: parseMpegHeader },
  adts: { container: "MPEG-TS", headerBytes: 7, parse: parseAdtsHeader },
  latm: LOAS_SYNTAX,
  ac3: AC3_SYNTAX,
};

/** undefined where the frame does not say it. */
function shapeOf(codec: TsCodec, frame: ScannedFrame<FrameHeader>): Shape | undefined {
  switch (codec) {
    case "mpeg": {
      const { sampleRateHz, channelCount, samples, layer } = frame.header as MpegHeader; // as SYNTAX says
      const name = layer === 2 ? "mp2" : "mp3";
      return {
        name,
        sampleRateHz,
        channelCount,
        samplesOf: () => samples,
        createDecoder: () => createCodec({ codec: name }),
      };
    }
    case "adts": {
      const adts = frame as ScannedFrame<AdtsHeader>; // as SYNTAX says
      const config = {
        sampleRateHz: adts.header.sampleRateHz,
        channelCount: channelsIn(adts),
        frameSamples: AAC_FRAME_SAMPLES,
        privateData: undefined,
      };
      return {
        name: "aac",
        ...config,
        samplesOf: () => AAC_FRAME_SAMPLES,
        createDecoder: () => createAacCodec(config),
      };
    }
    case "latm": {
      const config = parseLatmConfig(frame.data);
      if (!config) return undefined;
      const { sampleRateHz, channelCount, frameSamples } = config;
      const createDecoder = (): Promise<PacketDecoder> => createFfmpegCodec({ codec: "AAC-LATM" });
      return { name: "aac", sampleRateHz, channelCount, samplesOf: () => frameSamples, createDecoder };
    }
    case "ac3": {
      const { codec: name, sampleRateHz, channelCount } = frame.header as Ac3Header; // as SYNTAX says
      return {
        name: name.toLowerCase(),
        sampleRateHz,
        channelCount,
        samplesOf: ({ header }) => (header as Ac3Header).samples, // as SYNTAX says
        createDecoder: () => createFfmpegCodec({ codec: name }),
      };
    }
  }
}
