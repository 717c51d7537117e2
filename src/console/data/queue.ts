import { computed, effect, signal, untracked } from "@preact/signals";
import { transcribeFile } from "../wire/transcribe-file.ts";
import { WireFailure } from "../wire/events.ts";
import type { ServerEvent } from "../wire/events.ts";
import { remember, remembered } from "../i18n/text.ts";
import { askSession, needsSignIn } from "../wire/session.ts";
import { withParagraph } from "./document.ts";
import type { Transcript } from "./document.ts";
import { forget, storeAudio, storeTranscript, storedAudio, storedTranscripts } from "./storage.ts";

export type Stage = "waiting" | "sending" | "recognising" | "done" | "failed" | "cancelled";

/** A file on its way to a transcript, or a transcript of an earlier visit. */
export interface Item {
  readonly id: string;
  readonly stage: Stage;
  readonly transcript: Transcript;
  /** Bytes sent, 0..1. */
  readonly sent: number;
  /** Seconds of audio recognised. */
  readonly doneS: number;
  readonly totalS: number | undefined;
  /** What is heard and may still change. */
  readonly tentative: string;
  readonly failure: { readonly message: string; readonly code: string | undefined } | undefined;
  /** When it tries again by itself. */
  readonly retryAtMs: number | undefined;
  readonly startedMs: number | undefined;
  /** The browser has no room for it: it is gone after a reload. */
  readonly isUnsaved: boolean;
}

/** At once, so that the server's other clients get their turns; the server queues the second behind the first where it has one slot. */
const AT_ONCE = 2;
export const MAX_FILES = 30;
const MAX_RETRIES = 8;
const CHANNELS_KEY = "gigastt-channels";

/** The channels of what is added are different speakers. */
export const channelsApart = signal(remembered(CHANNELS_KEY) === "apart");

export function setChannelsApart(isApart: boolean): void {
  channelsApart.value = isApart;
  remember(CHANNELS_KEY, isApart ? "apart" : "mix");
}

export const items = signal<readonly Item[]>([]);
export const openId = signal<string | undefined>(undefined);
export const openItem = computed(() => items.value.find(({ id }) => id === openId.value));

const files = new Map<string, File>();
const aborts = new Map<string, AbortController>();
const retries = new Map<string, number>();

/** What waits for a sign-in begins with it. */
effect(() => {
  if (!needsSignIn.value) untracked(startNext);
});

/** Brings back what an earlier visit left. */
export async function restore(): Promise<void> {
  const known = new Set(items.value.map(({ id }) => id));
  const earlier = (await storedTranscripts()).filter(({ id }) => !known.has(id));
  items.value = [...items.value, ...earlier.map((transcript) => itemOf(transcript, "done"))];
}

/** Adds files to the queue; returns how many were too many. */
export function addFiles(list: readonly File[]): number {
  const open = items.value.filter(isOpen).length;
  const taken = list.slice(0, Math.max(0, MAX_FILES - open));
  const added = taken.map((file) => {
    const transcript = newTranscript(file.name);
    files.set(transcript.id, file);
    return itemOf(transcript, "waiting");
  });
  items.value = [...items.value.filter(isOpen), ...added, ...items.value.filter((item) => !isOpen(item))];
  openId.value ??= added[0]?.id;
  startNext();
  return list.length - taken.length;
}

/** Adds what was not made from a file: a live session. */
export function addTranscript(transcript: Transcript): void {
  items.value = [itemOf(transcript, "done"), ...items.value];
  void save(transcript);
}

export function newTranscript(name: string): Transcript {
  return { id: identifier(), name, addedMs: Date.now(), durationS: 0, paragraphs: [], warnings: [] };
}

export function cancel(id: string): void {
  aborts.get(id)?.abort();
  update(id, (item) => (isOpen(item) ? { ...item, stage: "cancelled", retryAtMs: undefined } : item));
  startNext();
}

export function retry(id: string): void {
  retries.delete(id);
  update(id, ({ transcript }) => itemOf({ ...transcript, paragraphs: [] }, "waiting"));
  startNext();
}

export function canRetry({ id, stage }: Item): boolean {
  return (stage === "failed" || stage === "cancelled") && files.has(id);
}

export function remove(id: string): void {
  cancel(id);
  files.delete(id);
  items.value = items.value.filter((item) => item.id !== id);
  if (openId.value === id) openId.value = undefined;
  void forget(id);
}

/** Changes a transcript as it is now, and keeps it. */
export function changeTranscript(id: string, change: Partial<Omit<Transcript, "id">>): void {
  update(id, (item) => ({ ...item, transcript: { ...item.transcript, ...change } }));
  const changed = items.value.find((item) => item.id === id);
  if (changed !== undefined) void save(changed.transcript);
}

/** Returns the recording: of this visit, or kept from an earlier one. */
export async function audioOf(id: string): Promise<Blob | undefined> {
  return files.get(id) ?? (await storedAudio(id));
}

export function isOpen({ stage }: Item): boolean {
  return stage === "waiting" || stage === "sending" || stage === "recognising";
}

/** Place in the queue of this page, from 1; undefined for what runs or is done. */
export function placeOf(id: string): number | undefined {
  const index = items.value.filter(({ stage }) => stage === "waiting").findIndex((item) => item.id === id);
  return index < 0 ? undefined : index + 1;
}

// ---

function itemOf(transcript: Transcript, stage: Stage): Item {
  return {
    id: transcript.id,
    stage,
    transcript,
    sent: 0,
    doneS: 0,
    totalS: undefined,
    tentative: "",
    failure: undefined,
    retryAtMs: undefined,
    startedMs: undefined,
    isUnsaved: false,
  };
}

function update(id: string, next: (item: Item) => Item): void {
  items.value = items.value.map((item) => (item.id === id ? next(item) : item));
}

function startNext(): void {
  if (needsSignIn.value) return;
  const running = items.value.filter(({ stage }) => stage === "sending" || stage === "recognising").length;
  const ready = items.value.filter(({ stage, retryAtMs }) => stage === "waiting" && retryAtMs === undefined);
  for (const { id } of ready.slice(0, Math.max(0, AT_ONCE - running))) void start(id);
}

async function start(id: string): Promise<void> {
  const file = files.get(id);
  if (file === undefined) return;
  const abort = new AbortController();
  aborts.set(id, abort);
  update(id, (item) => ({ ...item, stage: "sending", startedMs: Date.now(), failure: undefined }));
  try {
    await transcribeFile(file, {
      channels: channelsApart.value ? "split" : "mix",
      signal: abort.signal,
      onSent: (sent) => update(id, (item) => ({ ...item, sent, stage: sent >= 1 ? "recognising" : item.stage })),
      onEvent: (event) => update(id, (item) => withEvent(item, event)),
    });
    update(id, (item) => ({ ...item, stage: "done", tentative: "", transcript: withDuration(item) }));
    const item = items.value.find((found) => found.id === id);
    if (item !== undefined) await save(item.transcript);
    if (!(await storeAudio(id, file))) update(id, (found) => ({ ...found, isUnsaved: true }));
  } catch (error) {
    if (!abort.signal.aborted) fail(id, error);
  } finally {
    aborts.delete(id);
    startNext();
  }
}

function fail(id: string, error: unknown): void {
  const { message, code, retryAfterMs } = error instanceof WireFailure ? error : new WireFailure(String(error));
  const failure = { message, code };
  if (code === "invalid_api_key") return void holdForSignIn(id, failure);
  const tried = retries.get(id) ?? 0;
  if (retryAfterMs === undefined || tried >= MAX_RETRIES)
    return update(id, (item) => ({ ...item, stage: "failed", failure }));
  retries.set(id, tried + 1);
  const waitMs = Math.max(1000, retryAfterMs);
  update(id, (item) => ({
    ...item,
    stage: "waiting",
    sent: 0,
    doneS: 0,
    failure,
    retryAtMs: Date.now() + waitMs,
    transcript: { ...item.transcript, paragraphs: [] },
  }));
  setTimeout(() => {
    update(id, (item) => ({ ...item, retryAtMs: undefined }));
    startNext();
  }, waitMs);
}

/** Waits for a sign-in, where that is what is missing. */
async function holdForSignIn(id: string, failure: Item["failure"]): Promise<void> {
  update(id, ({ transcript }) => ({
    ...itemOf({ ...transcript, paragraphs: [] }, "waiting"),
    retryAtMs: Date.now(),
  }));
  await askSession();
  update(id, (item) =>
    needsSignIn.value ? { ...item, retryAtMs: undefined } : { ...item, retryAtMs: undefined, stage: "failed", failure },
  );
}

function withEvent(item: Item, event: ServerEvent): Item {
  switch (event.type) {
    case "partial":
      return { ...item, tentative: event.text };
    case "final": {
      if (event.words.length === 0) return { ...item, tentative: "" };
      const { words, channel } = event;
      const added = { words, ...(channel === undefined ? {} : { channel }) };
      const paragraphs = withParagraph(item.transcript.paragraphs, added);
      return { ...item, tentative: "", transcript: { ...item.transcript, paragraphs } };
    }
    case "progress":
      return { ...item, stage: "recognising", sent: 1, doneS: event.done_s, totalS: event.total_s ?? item.totalS };
    case "peaks":
      return { ...item, transcript: { ...item.transcript, peaks: event.peaks } };
    case "warnings":
      return {
        ...item,
        transcript: {
          ...item.transcript,
          warnings: event.warnings.flatMap(({ message, code }) => message ?? code ?? []),
        },
      };
    default:
      return item;
  }
}

function withDuration({ transcript, doneS, totalS }: Item): Transcript {
  const lastEnd = transcript.paragraphs.at(-1)?.words.at(-1)?.end ?? 0;
  return { ...transcript, durationS: Math.max(lastEnd, doneS, totalS ?? 0) };
}

async function save(transcript: Transcript): Promise<void> {
  const isKept = await storeTranscript(transcript);
  update(transcript.id, (item) => (item.isUnsaved === !isKept ? item : { ...item, isUnsaved: !isKept }));
}

/** Unique in this browser. `randomUUID` is missing on pages without TLS. */
function identifier(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
