import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile } from "../shared/files.ts";
import { describeFile } from "./local.ts";
import type { ModelFile } from "./manifest.ts";
import type { Comparison } from "./prepare/comparison.ts";
import { readableBytes } from "../shared/units.ts";
import { freeBytes } from "./space.ts";
import { errorCodeOf, messageOf } from "../shared/errors.ts";
import { lockFolder, type FolderLock } from "./lock.ts";
import { verifyFiles } from "./verify.ts";

/** `rewritten`: an int8 graph in the form that computes fast (`prepare/faster-int8.ts`); `published`: as its file holds it. */
export type EncoderForm = "published" | "rewritten";

/** What an optimized graph depends on: other weights, another runtime or another processor need another one. */
export interface OptimizedKey {
  readonly encoder: ModelFile;
  readonly form: EncoderForm;
  /** Version of the inference runtime. */
  readonly runtime: string;
  /** The processor's abilities: weights are kept in the order its kernels read them. */
  readonly processor: string;
}

/** Optimized copies of encoders, kept so that the next start need not make them again. Nothing here ever fails: without the folder all goes on without. */
export interface OptimizedCache {
  /** Path of the graph, its files verified; undefined when there is none. A damaged one, or one whose `tried` was never answered, is removed. */
  find(): Promise<string | undefined>;
  /** The copy is about to be loaded: should that end the process, the next start will not try it again. The returned function takes that back. */
  tried(): Promise<() => Promise<void>>;
  /** Room for a new one. Refused when the folder cannot be written, the disk is too full, another process writes one, or too many died of it within the hour. */
  begin(): Promise<OptimizedDraft | OptimizedRefusal>;
  /** Removes the copy: another one has taken its place. */
  remove(): Promise<void>;
}

export interface OptimizedRefusal {
  readonly refused: string;
  /** Another process is at it: soon it may be done, or dead. */
  readonly isBusy: boolean;
}

/** A graph that is about to be written. No other process writes one; when this one dies, the next one that asks goes on at once. */
export interface OptimizedDraft {
  readonly graphPath: string;
  /**
   * Makes what was written there the copy to be found. The path of its graph; undefined when nothing usable was written.
   * @param trial how a rewritten graph differs from the published one
   */
  commit(trial?: Comparison): Promise<string | undefined>;
  discard(): Promise<void>;
}

/** File of the weights beside a graph. */
export const OPTIMIZED_WEIGHTS = "encoder.weights";

/** Smaller encoders load in a moment, and cost little in any form: no copies are kept of them. */
export const SMALLEST_ENCODER_BYTES = 32e6;

/** Returns how the kept rewritten form of an encoder differs from the published one; undefined when none is kept in this folder. */
export async function findRewritten(
  baseDir: string,
  encoderSha256: string | undefined,
): Promise<Comparison | undefined> {
  for (const name of await readdir(baseDir).catch(() => [])) {
    const entry = (await readJsonFile(join(baseDir, name, ENTRY))) as Partial<Entry> | undefined; // our own file, fields checked
    if (entry?.encoder !== undefined && entry.encoder === encoderSha256 && entry.form === "rewritten" && entry.trial)
      return entry.trial;
  }
  return undefined;
}

/** @param baseDir folder of all copies; made when it is missing */
export function createOptimizedCache(baseDir: string, key: OptimizedKey): OptimizedCache {
  const { encoder, runtime, processor, form } = key;
  const format = form === "published" ? FORMAT : `${FORMAT} ${REWRITE}`;
  const name = createHash("sha256").update([format, encoder.sha256, runtime, processor].join("\n")).digest("hex");
  const dir = join(baseDir, name.slice(0, 32));

  async function find(): Promise<string | undefined> {
    try {
      const files = await readEntry(dir);
      if (files === undefined) return undefined;
      // Hashes are remembered by the files' identities: only a copy that was touched is read whole.
      const verdicts = await verifyFiles(dir, files, { keepsStamp: true });
      const isGood = verdicts.every(({ state }) => state === "ok") && (await isPrivate(dir));
      if (isGood && !(await hasEndedAProcess(dir))) {
        const now = new Date();
        await utimes(join(dir, ENTRY), now, now).catch(() => {});
        return join(dir, GRAPH);
      }
      await rm(dir, { recursive: true, force: true });
    } catch {
      // Unreadable, or no permission to remove it.
    }
    return undefined;
  }

  async function begin(): Promise<OptimizedDraft | OptimizedRefusal> {
    let lock: FolderLock | undefined;
    try {
      await mkdir(baseDir, { recursive: true, mode: 0o700 });
      lock = await lockFolder(baseDir);
      const held = lock;
      await prune(baseDir);
      const [free, needed] = [await freeBytes(baseDir), encoder.bytes * SPACE_FACTOR[form]];
      if (free !== undefined && free < needed) {
        await held.release();
        const refused = `${baseDir} must have ${readableBytes(needed)} free, found ${readableBytes(free)}`;
        return { refused, isBusy: false };
      }
      // Who holds the lock is the only one that writes: these are of the dead.
      const dead = (await readdir(baseDir)).filter((entry) => entry.startsWith(`${DRAFT_PREFIX}${form}-`));
      const deaths = Math.max(0, ...dead.map((entry) => 1 + Number(entry.split("-")[2])));
      if (deaths > DEATHS_BORNE[form]) {
        await held.release();
        return { refused: `a process ended while it wrote ${join(baseDir, dead[0]!)}`, isBusy: false };
      }
      for (const entry of dead) await rm(join(baseDir, entry), { recursive: true, force: true });
      const draft = await mkdtemp(join(baseDir, `${DRAFT_PREFIX}${form}-${deaths}-`));
      const discard = async (): Promise<void> => {
        await rm(draft, { recursive: true, force: true }).catch(() => {});
        await held.release();
      };
      return {
        graphPath: join(draft, GRAPH),
        discard,
        commit: async (trial) => {
          try {
            const files = [await describeFile(draft, GRAPH), await describeFile(draft, OPTIMIZED_WEIGHTS)];
            const entry: Entry = { runtime, encoder: encoder.sha256, form, files, ...(trial && { trial }) };
            await writeFile(join(draft, ENTRY), `${JSON.stringify(entry, null, 1)}\n`);
            await rename(draft, dir);
          } catch {
            // Nothing was written, or another process was sooner.
            await rm(draft, { recursive: true, force: true }).catch(() => {});
          }
          await prune(baseDir);
          await held.release();
          return find();
        },
      };
    } catch (error) {
      await lock?.release();
      if (errorCodeOf(error) === "GST_MODEL_LOCKED")
        return { refused: `another process writes a copy in ${baseDir}`, isBusy: true };
      return { refused: `${baseDir} cannot be written (${messageOf(error)})`, isBusy: false };
    }
  }

  async function tried(): Promise<() => Promise<void>> {
    const mark = join(dir, `${MARK_PREFIX}${process.pid}`);
    await writeFile(mark, "").catch(() => {});
    return () => rm(mark, { force: true }).catch(() => {});
  }

  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true }).catch(() => {});

  return { find, tried, begin, remove };
}

// ---

/** Changes with what is written and how. */
const FORMAT = "1 all prepacked";
/** Changes with what `prepare/faster-int8.ts` makes of a graph. */
const REWRITE = "1 rewritten";
const GRAPH = "encoder.onnx";
const ENTRY = "entry.json";
/** Followed by the form and by how many drafts before it were left by processes that died. */
const DRAFT_PREFIX = ".new-";
/**
 * Drafts of the dead within the hour that are taken over. A copy of the published form is made by the server's own load: should that be what ends it, no
 * start tries it again. The rewritten form is made by another process, and most that died of it were stopped with the machine; but where memory's limit ends all processes at once, a third death is enough.
 */
const DEATHS_BORNE: Readonly<Record<EncoderForm, number>> = { published: 0, rewritten: 2 };
/** No work that works takes this long. */
const STALE_DRAFT_MS = 3_600_000;
/** Followed by the process that loads the copy. */
const MARK_PREFIX = "loading-";
/** Weights in the kernels' order are up to twice the file, the rewritten graph lies beside them for a while, and some room must stay. */
const SPACE_FACTOR: Readonly<Record<EncoderForm, number>> = { published: 3, rewritten: 3.5 };
/** The current model's and that of the one before: a rollback starts as fast. */
const ENTRIES_KEPT = 2;

interface Entry {
  readonly runtime: string;
  /** SHA-256 of the model's encoder. */
  readonly encoder: string;
  readonly form: EncoderForm;
  readonly trial?: Comparison;
  readonly files: readonly ModelFile[];
}

async function readEntry(dir: string): Promise<readonly ModelFile[] | undefined> {
  const text = await readFile(join(dir, ENTRY), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const empty: readonly ModelFile[] = [{ name: GRAPH, bytes: -1, sha256: "" }];
  try {
    const { files } = JSON.parse(text) as { files?: readonly ModelFile[] }; // its names and hashes are checked
    return files?.map(({ name }) => name).join() === [GRAPH, OPTIMIZED_WEIGHTS].join() ? files : empty;
  } catch {
    return empty;
  }
}

/** A process began to load it and lives no more. Our own number belonged to another one, as in a container that was started again. */
async function hasEndedAProcess(dir: string): Promise<boolean> {
  const marks = (await readdir(dir)).filter((name) => name.startsWith(MARK_PREFIX));
  const pids = marks.map((name) => Number(name.slice(MARK_PREFIX.length)));
  return pids.some((pid) => pid === process.pid || !isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The hashes lie beside the files: they prove something only where no other user can write both. */
async function isPrivate(dir: string): Promise<boolean> {
  const { uid, mode } = await stat(dir);
  return process.platform === "win32" || (uid === process.getuid?.() && (mode & 0o022) === 0);
}

/** Keeps the copies used last, and removes drafts that were never finished. */
async function prune(baseDir: string): Promise<void> {
  const entries: { path: string; usedMs: number }[] = [];
  for (const name of await readdir(baseDir).catch(() => [])) {
    const path = join(baseDir, name);
    if (name.startsWith(DRAFT_PREFIX)) {
      const draft = await stat(path).catch(() => undefined);
      if (draft && Date.now() - draft.mtimeMs > STALE_DRAFT_MS)
        await rm(path, { recursive: true, force: true }).catch(() => {});
      continue;
    }
    const entry = await stat(join(path, ENTRY)).catch(() => undefined);
    if (entry) entries.push({ path, usedMs: entry.mtimeMs });
  }
  entries.sort((a, b) => b.usedMs - a.usedMs);
  for (const { path } of entries.slice(ENTRIES_KEPT)) await rm(path, { recursive: true, force: true }).catch(() => {});
}
