import { signal } from "@preact/signals";
import { openMicrophone } from "../audio/microphone.ts";
import type { Microphone } from "../audio/microphone.ts";
import { levelOf, toPcm16 } from "../audio/pcm.ts";
import { t } from "../i18n/text.ts";
import { openLiveSession } from "../wire/live-session.ts";
import type { LiveSession, LiveState } from "../wire/live-session.ts";
import type { Transcript } from "./document.ts";
import { addTranscript, changeTranscript, items, newTranscript } from "./queue.ts";

/** The session of this page. It goes on while other pages of the console are shown. */
export const liveState = signal<LiveState>("stopped");
export const level = signal(0);
export const committed = signal("");
export const tentative = signal("");
export const latencyMs = signal<number | undefined>(undefined);
export const liveError = signal("");
/** What was said; kept in this browser from the first final on. */
export const said = signal<Transcript | undefined>(undefined);

let microphone: Microphone | undefined;
let session: LiveSession | undefined;

export async function startLive(deviceId: string, endpoint: string): Promise<void> {
  liveError.value = "";
  liveState.value = "connecting";
  const waiting: Int16Array<ArrayBuffer>[] = [];
  try {
    microphone = await openMicrophone(deviceId, (samples) => {
      level.value = levelOf(samples);
      const pcm = toPcm16(samples);
      if (session === undefined) waiting.push(pcm);
      else session.write(pcm);
    });
  } catch (error) {
    liveState.value = "stopped";
    liveError.value = reasonOf(error);
    return;
  }
  // As it was edited since, or from the beginning if it was removed.
  said.value = items.value.find(({ id }) => id === said.value?.id)?.transcript;
  const shiftS = said.value?.durationS ?? 0;
  const { rateHz } = microphone;
  session = openLiveSession(rateHz, endpoint, {
    onState: (state) => (liveState.value = state),
    onPartial: (sure, open, ms) => {
      liveError.value = "";
      committed.value = sure;
      tentative.value = open;
      latencyMs.value = ms;
    },
    onFinal: (words) => {
      committed.value = "";
      tentative.value = "";
      if (words.length > 0)
        keep(words.map((word) => ({ ...word, start: word.start + shiftS, end: word.end + shiftS })));
    },
    onError: (message) => (liveError.value = message),
  });
  for (const pcm of waiting) session.write(pcm);
}

export async function stopLive(): Promise<void> {
  microphone?.close();
  microphone = undefined;
  level.value = 0;
  await session?.stop();
  session = undefined;
  latencyMs.value = undefined;
  committed.value = "";
  tentative.value = "";
}

/** Begins another transcript; the one before stays in the list. */
export function clearLive(): void {
  said.value = undefined;
}

/** Whether words are still added to a transcript: until then it is not edited. */
export function isBeingSaid(id: string): boolean {
  return said.value?.id === id && liveState.value !== "stopped";
}

// ---

function keep(words: Transcript["paragraphs"][number]["words"]): void {
  const before =
    said.value ?? newTranscript(t("session_name", { at: new Date().toLocaleString(document.documentElement.lang) }));
  const id = (before.paragraphs.at(-1)?.id ?? 0) + 1;
  const after = {
    ...before,
    durationS: words.at(-1)?.end ?? before.durationS,
    paragraphs: [...before.paragraphs, { id, words }],
  };
  said.value = after;
  if (before.paragraphs.length === 0) addTranscript(after);
  else changeTranscript(after.id, { durationS: after.durationS, paragraphs: after.paragraphs });
}

function reasonOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return t("microphone_denied");
  if (name === "NotFoundError" || name === "OverconstrainedError") return t("microphone_missing");
  return t("microphone_failed", { reason: String(error) });
}
