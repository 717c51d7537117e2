import type { SampleEncoding } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { NO_CHUNKS } from "../linear/chunks.ts";
import { openLinear } from "../linear/open.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/** Sun and NeXT audio (`.au`, `.snd`): PCM, float, A-law and µ-law. */
export async function openAu(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const head = (await input.read(24)).slice();
  if (head.length < 24) throw truncated("AU", "the file ends inside its header");
  const view = new DataView(head.buffer);
  const headerBytes = view.getUint32(4);
  const dataBytes = view.getUint32(8);
  const kind = view.getUint32(12);
  const encoding = ENCODINGS[kind];
  if (encoding === undefined) {
    throw unsupported("AU", `${NAMES[kind] ?? `the encoding ${kind}`} is not supported`, "convert");
  }
  if (headerBytes < 24 || headerBytes > MAX_HEADER_BYTES) {
    throw damaged("AU", `the header must be 24–${MAX_HEADER_BYTES} bytes, got ${headerBytes}`);
  }
  await input.skip(headerBytes - 24);
  return openLinear(input, context, {
    format: "au",
    shape: { encoding, sampleRateHz: view.getUint32(16), channelCount: view.getUint32(20) },
    range: {
      container: "AU",
      // All ones is "not known"; a writer to a pipe leaves 0.
      dataBytes: dataBytes === 0 || dataBytes === 0xffff_ffff ? undefined : dataBytes,
      fileBytes: undefined,
      layout: NO_CHUNKS,
    },
  });
}

// ---

/** An annotation is a few lines of text. */
const MAX_HEADER_BYTES = 2 ** 20;

const ENCODINGS: Readonly<Record<number, SampleEncoding>> = {
  1: "pcmu",
  2: "s8",
  3: "s16be",
  4: "s24be",
  5: "s32be",
  6: "f32be",
  7: "f64be",
  27: "pcma",
};

const NAMES: Readonly<Record<number, string>> = {
  23: "G.721 ADPCM",
  24: "G.722",
  25: "G.723 ADPCM",
  26: "G.723 ADPCM",
};
