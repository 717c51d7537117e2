import { AudioError, type AudioCure } from "../../shared/audio-problem.ts";
import { openAdts } from "./aac/adts.ts";
import { openLoas } from "./aac/loas.ts";
import { openAc3 } from "./ac3/ac3.ts";
import { openAiff } from "./aiff/aiff.ts";
import { openAsf } from "./asf/asf.ts";
import { openAu } from "./au/au.ts";
import { openCaf } from "./caf/caf.ts";
import { openFlac } from "./flac/flac.ts";
import { tagLength } from "./input/frame-scan.ts";
import { openMp3 } from "./mp3/mp3.ts";
import { openMp4 } from "./mp4/mp4.ts";
import { openOgg } from "./ogg/ogg.ts";
import { openAmr } from "./speech/amr.ts";
import { openGsm } from "./speech/gsm.ts";
import { openTs } from "./ts/ts.ts";
import type { ByteReader } from "./input/byte-reader.ts";
import { checkShape, foreign, unsupported } from "./refuse.ts";
import type { Sniffed } from "./sniff.ts";
import {
  findMpegFrames,
  MAGIC_BYTES,
  RIFF_WITHOUT_AUDIO,
  SNIFF_BYTES,
  sniff,
  sniffMagic,
  startsRecording,
} from "./sniff.ts";
import { guessRaw, hasLostBytes, isOfNibbles, mayBeTelephony } from "./raw-guess.ts";
import { PROBE_BYTES } from "./wav/shape.ts";
import type { AudioBlock, OpenContext, OpenedAudio } from "./types.ts";
import { openWav } from "./wav/wav.ts";
import { openWebm } from "./webm/webm.ts";

/** Opens the body with the decoder its first bytes ask for. Files joined with `cat` are read one after the other. */
export async function openDetected(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const first = await openNext(input, context);
  return { ...first, blocks: readJoined(first, input, context) };
}

async function* readJoined(
  first: OpenedAudio,
  input: ByteReader,
  context: OpenContext,
): AsyncGenerator<AudioBlock, void, undefined> {
  yield* first.blocks;
  while (startsRecording(await input.peek(MAGIC_BYTES))) {
    const at = input.position;
    try {
      const next = await openNext(input, context);
      checkShape(next.format, next.sampleRateHz, next.channelCount);
      yield* next.blocks;
    } catch (error) {
      if (!(error instanceof AudioError) || error.problem.reason === "too_long") throw error;
      context.warn("damaged", `the file that begins at byte ${at} of the body cannot be decoded: ${error.message}`);
      return;
    }
  }
}

async function openNext(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const found = await recognise(input);
  if (found.kind === "foreign") throw foreign(found.what, found.cure);
  if (found.kind === "unknown") {
    throw unknown(found.head);
  }
  switch (found.container) {
    case "wav":
      return await openWav(input, context);
    case "aiff":
      return await openAiff(input, context);
    case "au":
      return await openAu(input, context);
    case "caf":
      return await openCaf(input, context);
    case "flac":
      return await openFlac(input, context);
    case "ogg":
      return await openOgg(input, context);
    case "adts":
      return await openAdts(input, context);
    case "mp3":
      return await openMp3(input, context);
    case "webm":
      return await openWebm(input, context);
    case "mp4":
      return await openMp4(input, context);
    case "amr":
      return await openAmr(input, context);
    case "gsm":
      return await openGsm(input, context);
    case "ac3":
      return await openAc3(input, context);
    case "loas":
      return await openLoas(input, context);
    case "ts":
      return await openTs(input, context);
    case "asf":
      return await openAsf(input, context);
    default:
      throw new Error(`no decoder for ${String(found.container satisfies never)}`);
  }
}

/** Read as samples, a container is noise, and words would be found in it: one that is sent as headerless is refused. */
export async function refuseContainerAsHeaderless(input: ByteReader, codec: string): Promise<void> {
  const found = sniffMagic(await input.peek(MAGIC_BYTES));
  if (found === undefined || found.kind === "unknown") return;
  const what =
    found.kind === "audio" ? `the audio has a header, it is a ${found.container} file` : `it is ${found.what}`;
  throw unsupported(`codec ${codec}`, what, "dropCodec");
}

// ---

/** Bytes searched for the first frame of a stream, and most zeros in front of a file. */
const SEARCH_BYTES = 65_536;

type Recognised =
  | Exclude<Sniffed, { readonly kind: "unknown" }>
  /** `head`: the first bytes of the body. */
  | { readonly kind: "unknown"; readonly head: Uint8Array };

/** Skips ID3 tags and zeros, which some tools put in front of anything, and recognises what follows. */
async function recognise(input: ByteReader): Promise<Recognised> {
  let isTagged = false;
  // Samples may begin with zeros: what they are shows with those.
  let start: Uint8Array | undefined;
  for (let skippedZeros = 0; ;) {
    // Most containers say so in their first bytes: waiting for more would hold back a slow upload's refusal.
    const magic = await input.peek(MAGIC_BYTES);
    const known = sniffMagic(magic);
    if (known?.kind === "foreign" && known.what !== RIFF_WITHOUT_AUDIO) return known;
    const head = await input.peek(SNIFF_BYTES);
    const found = known?.kind === "audio" ? known : sniff(head);
    if (found.kind === "unknown" && magic[0] === 0 && skippedZeros < SEARCH_BYTES) {
      const zeros = await countZeros(input);
      start ??= (await input.peek(PROBE_BYTES)).slice();
      skippedZeros += zeros;
      await input.skip(zeros);
      continue;
    }
    // Telephone audio has no zeros either where it is not loud.
    const mayBeTorn = found.kind !== "foreign" || found.what === RIFF_WITHOUT_AUDIO;
    if (mayBeTorn && hasLostBytes(head) && !isTelephony(await input.peek(PROBE_BYTES))) {
      return { kind: "foreign", what: "a file that lost bytes on the way", cure: "binary" };
    }
    const tagBytes = found.kind === "audio" ? tagLength(magic) : 0;
    if (tagBytes > 0) {
      isTagged = true;
      await input.skip(tagBytes);
      continue;
    }
    if (found.kind === "audio") return found;
    // After a tag comes audio, if need be behind some padding.
    if (isTagged) return { kind: "audio", container: "mp3" };
    if (found.kind === "foreign") return found;
    const frames = findMpegFrames(await input.peek(SEARCH_BYTES));
    return frames.kind === "unknown" ? { kind: "unknown", head: start ?? (await input.peek(PROBE_BYTES)) } : frames;
  }
}

function isTelephony(head: Uint8Array): boolean {
  return isOfNibbles(head) || ["mulaw", "alaw", "u8", "s8"].includes(guessRaw(head)?.format ?? "");
}

/** Makes the error for bytes that nothing recognises. Advice is given only where the data support it. */
function unknown(head: Uint8Array): AudioError {
  const raw = guessRaw(head);
  if (raw)
    return new AudioError({
      reason: "unknown",
      cure: (raw.channelCount === 1 && READABLE[raw.format]) || "rawPcm",
      raw,
    });
  return new AudioError({ reason: "unknown", ...(mayBeTelephony(head) && { cure: "telephony" }) });
}

/** What `codec=` takes. */
const READABLE: Readonly<Record<string, AudioCure>> = { mulaw: "pcmu", alaw: "pcma", s16le: "s16le" };

async function countZeros(input: ByteReader): Promise<number> {
  const head = await input.peek(SEARCH_BYTES);
  const first = head.findIndex((byte) => byte !== 0);
  return first < 0 ? head.length : first;
}
