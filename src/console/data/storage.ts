import type { Transcript } from "./document.ts";

/** What this browser keeps: transcripts with their edits, and the recordings for playing them. Nothing of it is sent anywhere. */
const DATABASE = "gigastt";

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore("transcripts", { keyPath: "id" });
      request.result.createObjectStore("audio");
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
  return opened;
}

async function run<T>(
  store: "transcripts" | "audio",
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const request = act(database.transaction(store, mode).objectStore(store));
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

/** Newest first; empty where the browser keeps nothing, as in some private windows. */
export async function storedTranscripts(): Promise<Transcript[]> {
  try {
    const all: Transcript[] = await run("transcripts", "readonly", (store) => store.getAll());
    return all.sort((a, b) => b.addedMs - a.addedMs);
  } catch {
    return [];
  }
}

/** Returns whether it was kept. */
export async function storeTranscript(transcript: Transcript): Promise<boolean> {
  return kept(run("transcripts", "readwrite", (store) => store.put(transcript)));
}

export async function storeAudio(id: string, audio: Blob): Promise<boolean> {
  return kept(run("audio", "readwrite", (store) => store.put(audio, id)));
}

export async function storedAudio(id: string): Promise<Blob | undefined> {
  try {
    return await run<Blob | undefined>("audio", "readonly", (store) => store.get(id));
  } catch {
    return undefined;
  }
}

export async function forget(id: string): Promise<void> {
  await kept(run("transcripts", "readwrite", (store) => store.delete(id)));
  await kept(run("audio", "readwrite", (store) => store.delete(id)));
}

async function kept(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch {
    return false;
  }
}
