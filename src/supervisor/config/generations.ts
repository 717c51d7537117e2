import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../../config/resolve.ts";
import { makeFolderDurably, readJsonFile, writeFileAtomic } from "../../shared/files.ts";
import type { KeptFile } from "./rendered-set.ts";

/** One configuration that was healthy: what `gigastt rollback` goes back to. */
export interface Generation {
  /** Counts up; the newest is the one running or last run. */
  readonly number: number;
  readonly at: string;
  readonly version: string;
  /** Hash of the resolved configuration. */
  readonly hash: string;
  readonly path: string | undefined;
  /** Text of the file; undefined when there was none. */
  readonly source: string | undefined;
  /** The rendered files that belonged to it, byte for byte. */
  readonly kept: KeptSets;
}

/** Rendered files of one state: the managed proxy's and the set of `gigastt render`. */
export interface KeptSets {
  readonly proxy: readonly KeptFile[];
  readonly set: readonly KeptFile[];
}

const KEEP = 10;
const RENDERED_FILE = "rendered.json";

/** All generations, newest first; torn ones are left out. */
export async function listGenerations(dir: string): Promise<Generation[]> {
  const names = await readdir(dir).catch((): string[] => []);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readGeneration(dir, Number(name))),
  );
  return found.filter((generation) => generation !== undefined).sort((a, b) => b.number - a.number);
}

/** Keeps a configuration that proved healthy, unless it is the newest one already. */
export async function keepGeneration(dir: string, good: Omit<Generation, "number" | "at">): Promise<Generation> {
  const known = await listGenerations(dir);
  const newest = known[0];
  if (newest !== undefined && newest.hash === good.hash && newest.source === good.source && newest.path === good.path) {
    // The same configuration may be rendered again: by a new version, or for another proxy.
    if (JSON.stringify(newest.kept) !== JSON.stringify(good.kept))
      await writeFileAtomic(join(dir, String(newest.number), RENDERED_FILE), JSON.stringify(good.kept));
    return { ...newest, kept: good.kept };
  }
  const generation: Generation = { ...good, number: (newest?.number ?? 0) + 1, at: new Date().toISOString() };
  const folder = join(dir, String(generation.number));
  await makeFolderDurably(folder, 0o700);
  const { source, kept, ...about } = generation;
  await writeFileAtomic(join(folder, RENDERED_FILE), JSON.stringify(kept));
  if (source !== undefined) await writeFileAtomic(join(folder, "gigastt.config.yaml"), source);
  // Last: a generation without it does not exist.
  await writeFileAtomic(
    join(folder, "generation.json"),
    `${JSON.stringify({ ...about, hasSource: source !== undefined }, undefined, 2)}\n`,
  );
  for (const old of known.slice(KEEP - 1)) await rm(join(dir, String(old.number)), { recursive: true, force: true });
  return generation;
}

// ---

async function readGeneration(dir: string, number: number): Promise<Generation | undefined> {
  const about = await readJsonFile(join(dir, String(number), "generation.json"));
  if (!isRecord(about)) return undefined;
  const { at, version, hash, path, hasSource } = about;
  if (typeof at !== "string" || typeof version !== "string" || typeof hash !== "string") return undefined;
  let source: string | undefined;
  if (hasSource === true) {
    source = await readFile(join(dir, String(number), "gigastt.config.yaml"), "utf8").catch(() => undefined);
    if (source === undefined) return undefined;
  }
  return {
    number,
    at,
    version,
    hash,
    path: typeof path === "string" ? path : undefined,
    source,
    kept: keptSets(await readJsonFile(join(dir, String(number), RENDERED_FILE))),
  };
}

/** Generations of older versions have none. */
function keptSets(value: unknown): KeptSets {
  const files = (list: unknown): KeptFile[] =>
    (Array.isArray(list) ? list : []).filter(
      (one: unknown): one is KeptFile =>
        isRecord(one) && typeof one["path"] === "string" && typeof one["text"] === "string",
    );
  return isRecord(value) ? { proxy: files(value["proxy"]), set: files(value["set"]) } : { proxy: [], set: [] };
}
