import type { ByteReader } from "../input/byte-reader.ts";
import { checkShape, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import { SAMPLE_BYTES, type SampleEncoding } from "../codec/pcm.ts";
import { readSamples, type LinearShape } from "../linear/samples.ts";
import { openCoded } from "./coded.ts";
import { readHeader, type WavHeader } from "./header.ts";
import { findShape, PROBE_BYTES } from "./shape.ts";

/**
 * RIFF, RIFX, RF64, BW64 and Wave64: PCM 8/16/24/32, float 32/64, A-law, µ-law, plain or WAVE_FORMAT_EXTENSIBLE, and packets
 * of the codecs in `coded.ts`.
 *
 * Headers lie, the data decide: the samples are read in the longest way that is consistent. Whatever follows the
 * declared length and is not a chunk is samples too; a shorter body is read to its end.
 */
export async function openWav(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const header = await readHeader(input, context);
  const coded = await openCoded(input, header, context);
  if (coded) return coded;
  const { shape, expectedFrames } = await readShape(input, context, header);
  const { sampleRateHz, channelCount } = shape;
  return {
    format: header.container === "WAV" ? "wav" : "w64",
    sampleRateHz,
    channelCount,
    totalFrames: expectedFrames,
    blocks: readSamples({ input, shape, range: header, context }),
  };
}

/** Samples without a header, until the end of the body. */
export function openHeaderless(input: ByteReader, encoding: SampleEncoding, sampleRateHz: number): OpenedAudio {
  checkShape("headerless audio", sampleRateHz, 1);
  const shape: LinearShape = { encoding, sampleRateHz, channelCount: 1 };
  return {
    format: encoding,
    sampleRateHz,
    channelCount: 1,
    totalFrames: undefined,
    blocks: readSamples({ input, shape }),
  };
}

// ---

interface FoundShape {
  readonly shape: LinearShape;
  /** For progress; undefined when the declared length cannot be meant. */
  readonly expectedFrames: number | undefined;
}

async function readShape(input: ByteReader, context: OpenContext, header: WavHeader): Promise<FoundShape> {
  const { fields, dataBytes } = header;
  const found = findShape(fields, (await input.peek(Math.min(PROBE_BYTES, dataBytes || PROBE_BYTES))).slice());
  if (!found) {
    throw unsupported(
      "WAV",
      `format ${fields.tag} with ${fields.bits} bits in frames of ${fields.blockAlign} bytes for ${fields.channelCount} channel(s) cannot be read`,
      "convert",
    );
  }
  const { isRepaired, ...shape } = found;
  checkShape("WAV", shape.sampleRateHz, shape.channelCount);
  if (isRepaired) {
    const { channelCount, sampleRateHz, encoding } = shape;
    context.warn(
      "wrong_header",
      `WAV: the fields of the header contradict each other: read as ${encoding}, ${channelCount} channel(s), ${sampleRateHz} Hz`,
    );
  }
  const frameBytes = SAMPLE_BYTES[shape.encoding] * shape.channelCount;
  const frames = dataBytes === undefined ? undefined : Math.floor(dataBytes / frameBytes);
  // The samples themselves are counted while they are read: a length that lies must not refuse the file.
  const isPossible = frames !== undefined && (frames * 1000) / shape.sampleRateHz <= context.maxDurationMs;
  return { shape, expectedFrames: isPossible ? frames : undefined };
}
