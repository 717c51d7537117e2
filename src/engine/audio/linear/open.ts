import { SAMPLE_BYTES } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { checkShape } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";
import type { SampleRange } from "./range.ts";
import { readSamples, type LinearShape } from "./samples.ts";

interface LinearFile {
  readonly format: string;
  readonly shape: LinearShape;
  readonly range: SampleRange;
}

/** Opens plain samples behind a header that was read. */
export function openLinear(input: ByteReader, context: OpenContext, file: LinearFile): OpenedAudio {
  const { format, shape, range } = file;
  const { encoding, channelCount, sampleRateHz } = shape;
  checkShape(range.container, sampleRateHz, channelCount);
  const frames =
    range.dataBytes === undefined ? undefined : Math.floor(range.dataBytes / (SAMPLE_BYTES[encoding] * channelCount));
  // The samples themselves are counted while they are read: a length that lies must not refuse the file.
  const isPossible = frames !== undefined && (frames * 1000) / sampleRateHz <= context.maxDurationMs;
  return {
    format,
    sampleRateHz,
    channelCount,
    totalFrames: isPossible ? frames : undefined,
    blocks: readSamples({ input, shape, range, context }),
  };
}
