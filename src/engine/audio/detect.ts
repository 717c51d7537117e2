import { AudioError } from "../../shared/audio-problem.ts";
import { openAdts } from "./aac/adts.ts";
import { openFlac } from "./flac/flac.ts";
import { tagLength } from "./input/frame-scan.ts";
import { openMp3 } from "./mp3/mp3.ts";
import { openMp4 } from "./mp4/mp4.ts";
import { openOgg } from "./ogg/ogg.ts";
import type { ByteReader } from "./input/byte-reader.ts";
import { foreign, unsupported } from "./refuse.ts";
import type { Sniffed } from "./sniff.ts";
import { MAGIC_BYTES, SNIFF_BYTES, sniff } from "./sniff.ts";
import type { OpenContext, OpenedAudio } from "./types.ts";
import { openWav } from "./wav/wav.ts";
import { openWebm } from "./webm/webm.ts";

/** Opens the body with the decoder its first bytes ask for. */
export async function openDetected(input: ByteReader, context: OpenContext): Promise<OpenedAudio> {
  const found = await recognise(input);
  if (found.kind === "foreign") throw foreign(found.what, found.cure);
  if (found.kind === "unknown") {
    throw new AudioError({ reason: "unknown" });
  }
  switch (found.container) {
    case "wav":
      return await openWav(input, context);
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
    default:
      throw new Error(`no decoder for ${String(found.container satisfies never)}`);
  }
}

/** Samples of a WAV header are noise at the start of the transcript: a container sent as headerless is a mistake. */
export async function refuseContainerAsHeaderless(input: ByteReader, codec: string): Promise<void> {
  const found = sniff(await input.peek(MAGIC_BYTES));
  if (found.kind !== "audio" || found.container === "mp3" || found.container === "adts") return;
  throw unsupported(`codec ${codec}`, `the audio has a header, it is a ${found.container} file`, "dropCodec");
}

// ---

/** Skips ID3 tags, which some tools put in front of anything, and recognises what follows. */
async function recognise(input: ByteReader): Promise<Sniffed> {
  let isTagged = false;
  for (;;) {
    // Most containers say so in their first bytes: waiting for more would hold back a slow upload's refusal.
    const magic = await input.peek(MAGIC_BYTES);
    const tagBytes = sniff(magic).kind === "audio" ? tagLength(magic) : 0;
    if (tagBytes > 0) {
      isTagged = true;
      await input.skip(tagBytes);
      continue;
    }
    let found = sniff(magic);
    if (found.kind !== "audio") found = sniff(await input.peek(SNIFF_BYTES));
    // After a tag comes audio, if need be behind some padding.
    return isTagged && found.kind !== "audio" ? { kind: "audio", container: "mp3" } : found;
  }
}
