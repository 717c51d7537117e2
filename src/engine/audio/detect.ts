import type { ByteReader } from "./reader.ts";
import { invalidAudio, unsupportedMedia } from "./refuse.ts";
import { MAGIC_BYTES, SNIFF_BYTES, sniff } from "./sniff.ts";
import type { OpenedAudio } from "./types.ts";
import { openWav } from "./wav.ts";

/** Opens the body with the decoder its first bytes ask for. */
export async function openDetected(input: ByteReader): Promise<OpenedAudio> {
  // Most containers say so in their first bytes: waiting for more would hold back a slow upload's refusal.
  let found = sniff(await input.peek(MAGIC_BYTES));
  if (found.kind !== "audio") found = sniff(await input.peek(SNIFF_BYTES));
  if (found.kind === "foreign") throw unsupportedMedia(found.what);
  if (found.kind === "unknown") {
    throw invalidAudio(
      "the body is no audio container we know: send WAV, MP3, FLAC, Ogg, WebM or M4A, or say codec= for headerless audio",
    );
  }
  switch (found.container) {
    case "wav":
      return await openWav(input);
    default:
      throw unsupportedMedia(`${found.container}, which is not supported yet`);
  }
}

/** Samples of a WAV header are noise at the start of the transcript: a container sent as headerless is a mistake. */
export async function refuseContainerAsHeaderless(input: ByteReader, codec: string): Promise<void> {
  const found = sniff(await input.peek(MAGIC_BYTES));
  if (found.kind !== "audio" || found.container === "mp3" || found.container === "adts") return;
  throw invalidAudio(`codec=${codec} says the body has no header, but it is a ${found.container} file: drop the codec`);
}
