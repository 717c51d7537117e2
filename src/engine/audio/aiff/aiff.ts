import { IMA4_BLOCK_BYTES } from "../codec/ima4.ts";
import { ima4Track } from "../codec/track-codecs.ts";
import type { SampleEncoding } from "../codec/pcm.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { IFF_CHUNKS, paddingOf } from "../linear/chunks.ts";
import { openConstant } from "../linear/constant.ts";
import { openLinear } from "../linear/open.ts";
import { damaged, truncated, unsupported } from "../refuse.ts";
import type { OpenContext, OpenedAudio } from "../types.ts";

/**
 * AIFF and AIFF-C: PCM of 1 to 32 bits in either byte order, float, A-law, µ-law and IMA ADPCM. A file whose format comes
 * behind its samples is refused.
 */
export async function openAiff(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const form = viewOf(await input.read(12));
  const fileBytes = input.position - 12 + 8 + form.getUint32(4);
  let common: Common | undefined;
  for (;;) {
    const chunk = IFF_CHUNKS.chunkAt(await input.peek(8), 0);
    if (!chunk) {
      if ((await input.peek(8)).length < 8) throw truncated("AIFF", "the file ends before its samples");
      throw damaged("AIFF", `no chunk that can be read begins at byte ${input.position}`);
    }
    await input.skip(8);
    const { name, bytes } = chunk;
    if (name === "SSND") return await openSound(input, context, { bytes, common, fileBytes });
    const body = name === "COMM" && !common ? await input.read(Math.min(bytes, 64)) : new Uint8Array(0);
    if (body.length > 0) common = parseCommon(viewOf(body));
    await input.skip(bytes + paddingOf(IFF_CHUNKS, bytes) - body.length);
  }
}

// ---

interface Common {
  readonly channelCount: number;
  readonly frames: number;
  readonly bits: number;
  readonly sampleRateHz: number;
  /** Four characters; `NONE` for plain AIFF. */
  readonly compression: string;
}

function parseCommon(view: DataView): Common {
  if (view.byteLength < 18) throw damaged("AIFF", `the COMM chunk must be 18 bytes or more, got ${view.byteLength}`);
  const compression =
    view.byteLength < 22 ? "NONE" : Buffer.from(view.buffer, view.byteOffset + 18, 4).toString("latin1");
  return {
    channelCount: view.getUint16(0),
    frames: view.getUint32(2),
    bits: view.getUint16(6),
    sampleRateHz: Math.round(parseExtended(view, 8)),
    compression,
  };
}

/** An 80-bit float: sign and exponent, then the mantissa with its leading one. */
function parseExtended(view: DataView, at: number): number {
  return (view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6)) * 2 ** ((view.getUint16(at) & 0x7fff) - 16_446);
}

async function openSound(
  input: ByteReader,
  context: OpenContext,
  { bytes, common, fileBytes }: { bytes: number; common: Common | undefined; fileBytes: number },
): Promise<OpenedAudio> {
  if (!common) throw unsupported("AIFF", "the samples come before their format", "convert");
  const head = viewOf(await input.read(8));
  if (head.byteLength < 8) throw truncated("AIFF", "the file ends before its samples");
  const offset = head.getUint32(0);
  const isOpen = bytes <= 8 || bytes >= 0x7fff_f000;
  if (offset > 0 && !isOpen && offset <= bytes - 8) await input.skip(offset);
  const dataBytes = isOpen ? undefined : bytes - 8 - (offset <= bytes - 8 ? offset : 0);
  const { channelCount, sampleRateHz, compression } = common;
  const range = { container: "AIFF", dataBytes, fileBytes, layout: IFF_CHUNKS };
  if (compression === "ima4") {
    const codec = ima4Track(sampleRateHz, channelCount);
    const packetBytes = IMA4_BLOCK_BYTES * channelCount;
    return openConstant(input, context, { format: "aiff-ima4", codec, packetBytes, range });
  }
  const encoding = encodingOf(common);
  if (!encoding) {
    const name = NAMES[compression] ?? `the codec ${compression.replace(/[^\w .-]/g, "?")} with ${common.bits} bits`;
    throw unsupported("AIFF", `${name} is not supported`, "convert");
  }
  return openLinear(input, context, { format: "aiff", shape: { encoding, sampleRateHz, channelCount }, range });
}

function encodingOf({ compression, bits }: Common): SampleEncoding | undefined {
  const size = Math.ceil(bits / 8) * 8;
  switch (compression) {
    case "NONE":
    case "twos":
      return SIGNED_BIG[size];
    case "sowt":
      return SIGNED_LITTLE[size];
    case "raw ":
      return size === 8 ? "u8" : SIGNED_BIG[size];
    case "in24":
      return "s24be";
    case "42ni":
      return "s24le";
    case "in32":
      return "s32be";
    case "23ni":
      return "s32le";
    case "fl32":
    case "FL32":
      return "f32be";
    case "fl64":
    case "FL64":
      return "f64be";
    case "alaw":
    case "ALAW":
      return "pcma";
    case "ulaw":
    case "ULAW":
      return "pcmu";
    default:
      return undefined;
  }
}

const SIGNED_BIG: Readonly<Record<number, SampleEncoding>> = { 8: "s8", 16: "s16be", 24: "s24be", 32: "s32be" };
const SIGNED_LITTLE: Readonly<Record<number, SampleEncoding>> = { 8: "s8", 16: "s16le", 24: "s24le", 32: "s32le" };

const NAMES: Readonly<Record<string, string>> = {
  MAC3: "MACE 3:1",
  MAC6: "MACE 6:1",
  "GSM ": "GSM 6.10",
  agsm: "GSM 6.10",
  G722: "G.722",
  G726: "G.726 ADPCM",
  G728: "G.728",
  QDMC: "QDesign Music",
  QDM2: "QDesign Music",
  Qclp: "QCELP",
  rt24: "RT24",
};

function viewOf(bytes: Uint8Array): DataView {
  const copy = bytes.slice();
  return new DataView(copy.buffer);
}
