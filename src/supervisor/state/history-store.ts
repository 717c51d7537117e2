import { errorCodeOf } from "../../shared/errors.ts";
import { counted, sumsOf } from "./series.ts";
import type { Sample } from "./series.ts";
import { createRequire } from "node:module";
import { createStorage } from "unstorage";
import type { Storage } from "unstorage";
import fsLiteDriver from "unstorage/drivers/fs-lite";
import type redisDriverOf from "unstorage/drivers/redis";

/** An event as the history keeps it. */
export interface KeptEvent {
  readonly at: string;
  readonly event: string;
  readonly level: string;
  readonly process: string | null;
  readonly text: string;
}

/** A bounded past of samples and events, for `status` and the console. */
export interface HistoryStore {
  addSample(sample: Sample): Promise<void>;
  addEvent(event: KeptEvent): Promise<void>;
  samples(sinceMs: number): Promise<Sample[]>;
  /** Half hours that are over, for months instead of days. */
  spans(sinceMs: number): Promise<Sample[]>;
  events(sinceMs: number): Promise<KeptEvent[]>;
  /** Writes what is held, and lets go of connections. */
  close(): Promise<void>;
}

/** Where a history is kept. */
export type HistoryPlace =
  | { readonly kind: "files"; readonly dir: string }
  /** `url`: redis://, rediss:// or a socket file. `base`: prefix of every key; one per appliance that shares a Redis. */
  | { readonly kind: "redis"; readonly url: string; readonly base: string };

const HOUR_MS = 3_600_000;
/** A crash storm must not fill the disk. */
const MAX_EVENTS_PER_HOUR = 500;
const MAX_SAMPLES_PER_HOUR = 120;
/** A write of any size costs an SD card some 50 KB, with its file system's journal; a power cut costs the samples that were held. */
const WRITE_EVERY_MS = 10 * 60_000;
const SPAN_MS = HOUR_MS / 2;
/** What the longest chart of the console shows, and a day more. */
const KEEP_SPANS_HOURS = 31 * 24;

/**
 * One entry per hour and kind; samples are held for ten minutes where they go into files. The oldest removed after `keepHours`. When an hour is over, its samples are also summed up into spans, one entry
 * per day. The history is not precious: what cannot be read or has another shape is skipped, what cannot be written is reported by throwing.
 */
export async function createHistoryStore(
  place: HistoryPlace,
  options: { readonly keepHours: number; readonly nowMs: () => number },
): Promise<HistoryStore> {
  const storage =
    place.kind === "files"
      ? createStorage({ driver: fsLiteDriver({ base: place.dir }) })
      : await openRedis(place, Math.max(options.keepHours, KEEP_SPANS_HOURS));
  let cleanedHour = "";
  let held: Sample[] = [];
  let writtenMs = -Infinity;
  let chain: Promise<void> = Promise.resolve();

  const read = async <T>(key: string, guard: (value: unknown) => value is T): Promise<T[]> => {
    // Raw text: `getItem` would turn "123" into a number, hand out an Error object as the value when the path is not a
    // folder, and a torn file as a string.
    const text: unknown = await storage.getItemRaw(key);
    const json = Buffer.isBuffer(text) ? text.toString("utf8") : text;
    if (typeof json !== "string") return [];
    try {
      const value: unknown = JSON.parse(json);
      return Array.isArray(value) ? value.filter(guard) : [];
    } catch {
      return [];
    }
  };

  const keysOf = async (kind = ""): Promise<string[]> => {
    try {
      return await storage.getKeys(kind);
    } catch (error) {
      if (place.kind === "redis") throw error;
      // The driver takes the Error it got from a path that is not a folder for a list.
      return [];
    }
  };

  const append = <T>(
    key: string,
    added: readonly T[],
    guard: (value: unknown) => value is T,
    limit: number,
  ): Promise<void> => {
    // One writer, one after another: the driver's write is neither atomic nor locked.
    const step = chain.then(async () => {
      const hour = hourKey(options.nowMs());
      const entries = [...(await read(key, guard)), ...added].slice(-limit);
      await storage.setItemRaw(key, Buffer.from(JSON.stringify(entries)));
      if (cleanedHour !== hour) {
        cleanedHour = hour;
        await sumUp(hour);
        await removeOld();
      }
    });
    chain = step.catch(() => {});
    return step;
  };

  const writeHeld = async (): Promise<void> => {
    const samples = held;
    held = [];
    try {
      for (const hour of new Set(samples.map(({ at }) => hourOf(at)))) {
        const ofHour = samples.filter(({ at }) => hourOf(at) === hour);
        await append(`samples:${hour}`, ofHour, isSample, MAX_SAMPLES_PER_HOUR);
      }
      writtenMs = options.nowMs();
    } catch (error) {
      held = [...samples, ...held].slice(-MAX_SAMPLES_PER_HOUR);
      throw error;
    }
  };

  const addSample = async (sample: Sample): Promise<void> => {
    held.push(sample);
    const isNewHour = hourOf(held[0]!.at) !== hourOf(sample.at);
    const heldMs = options.nowMs() - writtenMs;
    // A clock that was set back would hold them until it shows that time again.
    if (place.kind === "redis" || isNewHour || heldMs >= WRITE_EVERY_MS || heldMs < 0) await writeHeld();
  };

  const removeOld = async (): Promise<void> => {
    const nowMs = options.nowMs();
    const oldestHour = hourKey(nowMs - options.keepHours * HOUR_MS);
    const oldestDay = dayKey(nowMs - KEEP_SPANS_HOURS * HOUR_MS);
    for (const key of await keysOf()) {
      const name = nameOf(key);
      const isOld = HOUR_PATTERN.test(name) ? name < oldestHour : DAY_PATTERN.test(name) && name < oldestDay;
      if (isOld) await storage.removeItem(key);
    }
  };

  /** Also what ended while no process was there to see it. */
  const sumUp = async (hour: string): Promise<void> => {
    const days = (await keysOf("spans")).sort();
    const last = (await read(days.at(-1) ?? "spans:none", isSample)).at(-1)?.at.slice(0, 13) ?? "";
    // The last hour that is known already, too: what was counted is the difference to the sample before.
    const hours = (await keysOf("samples")).filter((key) => nameOf(key) >= last && nameOf(key) < hour).sort();
    const samples: Sample[] = [];
    for (const key of hours) samples.push(...(await read(key, isSample)));
    const spans = sumsOf(counted(samples), SPAN_MS).filter(({ at }) => at.slice(0, 13) > last);
    for (const day of new Set(spans.map(({ at }) => at.slice(0, 10)))) {
      const key = `spans:${day}`;
      const added = spans.filter(({ at }) => at.startsWith(day));
      await storage.setItemRaw(key, Buffer.from(JSON.stringify([...(await read(key, isSample)), ...added])));
    }
  };

  const since = async <T extends { readonly at: string }>(
    kind: string,
    sinceMs: number,
    guard: (value: unknown) => value is T,
  ): Promise<T[]> => {
    await chain;
    const from = kind === "spans" ? dayKey(sinceMs) : hourKey(sinceMs);
    const keys = (await keysOf(kind)).filter((key) => nameOf(key) >= from).sort();
    const entries = (await Promise.all(keys.map((key) => read(key, guard)))).flat();
    return entries.filter((entry) => Date.parse(entry.at) >= sinceMs);
  };

  return {
    addSample,
    addEvent: (event) => append(`events:${hourKey(options.nowMs())}`, [event], isKeptEvent, MAX_EVENTS_PER_HOUR),
    samples: async (sinceMs) => [
      ...(await since("samples", sinceMs, isSample)),
      ...held.filter(({ at }) => Date.parse(at) >= sinceMs),
    ],
    spans: (sinceMs) => since("spans", sinceMs, isSample),
    events: (sinceMs) => since("events", sinceMs, isKeptEvent),
    close: async () => {
      if (held.length > 0) await writeHeld();
      await storage.dispose();
    },
  };
}

/** Why the history cannot be written, for people. */
export function historyTrouble(error: unknown): string {
  return errorCodeOf(error) ?? String(error);
}

// ---

const REDIS_ANSWER_MS = 2000;
const REDIS_RETRY_MS = 5000;

/** Fails quickly while Redis is away, and connects again by itself. Loaded only where it is configured. */
async function openRedis(place: HistoryPlace & { readonly kind: "redis" }, keepHours: number): Promise<Storage> {
  // Not `import()`: for that Node parses the CommonJS modules behind it for their exports, and V8 compiles the parser: 8 MB.
  const load = createRequire(import.meta.url);
  // `require` answers any: the package's own type of the same file.
  const redisDriver = load("unstorage/drivers/redis") as typeof redisDriverOf;
  const driver = redisDriver({
    url: place.url,
    base: place.base,
    ttl: (keepHours + 1) * 3600,
    connectTimeout: REDIS_ANSWER_MS,
    commandTimeout: REDIS_ANSWER_MS,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 200, REDIS_RETRY_MS),
  });
  // Without a listener the client writes to the terminal; every failed command reports the same to its caller.
  driver.getInstance?.().on("error", () => {});
  return createStorage({ driver });
}

const HOUR_PATTERN = /^\d{4}-\d\d-\d\dT\d\d$/;
const DAY_PATTERN = /^\d{4}-\d\d-\d\d$/;

/** No colon: to the store `:` separates folders. */
function hourKey(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13);
}

function hourOf(at: string): string {
  return at.slice(0, 13);
}

function dayKey(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function nameOf(key: string): string {
  return key.split(":").at(-1) ?? "";
}

function isSample(value: unknown): value is Sample {
  return hasShape(value, { at: "string", sessions: "number", requests: "number", rssBytes: "number" });
}

function isKeptEvent(value: unknown): value is KeptEvent {
  return hasShape(value, { at: "string", event: "string", level: "string", text: "string" });
}

function hasShape(value: unknown, shape: Readonly<Record<string, string>>): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(shape).every(([key, type]) => typeof Reflect.get(value, key) === type);
}
