import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { ModelBundle } from "../../models/manifest.ts";
import {
  createOptimizedCache,
  findRewritten,
  SMALLEST_ENCODER_BYTES,
  type EncoderForm,
  type OptimizedCache,
  type OptimizedDraft,
} from "../../models/optimized.ts";
import type { Comparison } from "../../models/prepare/comparison.ts";
import type { WeightSign } from "../../models/prepare/faster-int8.ts";
import { verifyBundle } from "../../models/verify.ts";
import { GigasttError } from "../../shared/errors.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { LoadRequest } from "../acoustic/protocol.ts";
import type { WorkerKind } from "./pool.ts";
import { canBeRewritten, writeRewritten } from "./rewrite.ts";

/** What each worker of a pool loads: the model's encoder, or an optimized copy of it that an earlier worker or start has left. */
export interface RequestSource {
  /** For the worker that comes next. Rejects when a replacement would load files that have changed. */
  next(worker: WorkerKind): Promise<LoadRequest>;
  /** The first worker did not load: what it wrote is of no use. */
  failed(): Promise<void>;
  /** The form of the graph that the next worker loads. */
  form(): EncoderForm;
  /** Whether the encoder has a faster form that is wanted and not yet there. Rejects when its file is not a model. */
  hasFasterForm(): Promise<boolean>;
  /** Makes the rewritten form, so that `renewed` workers load it, and returns how its text differs. Rejects with a GigasttError that says why it was not made; `GST_REWRITE_BUSY`: another process is at it. */
  rewrite(signal: AbortSignal): Promise<Comparison>;
  /** The workers have the rewritten form, and `form` says so at once; the published one's copy is removed. */
  renewed(): Promise<void>;
}

export interface EncoderCopies {
  /** Folder of the optimized copies. */
  readonly dir: string;
  /** Whether an int8 encoder may be rewritten into the form that computes fast. */
  readonly rewrites: boolean;
  /** Smaller encoders get no copies; default 32 MB. */
  readonly smallestBytes?: number;
}

/**
 * @param request for the model's own files
 * @param copies undefined = none are kept
 * @param check called before the model's own files are loaded, which takes far more memory than a copy; throws when there is too little.
 * `isShared`: the other workers will share the copy that the first one leaves.
 */
export function createRequestSource(
  bundle: ModelBundle,
  request: LoadRequest,
  copies: EncoderCopies | undefined,
  check: (isShared: boolean) => void = () => {},
): RequestSource {
  const encoder = bundle.files.find(({ name }) => bundle.encoderPath.endsWith(name));
  const caches = openCaches();
  let draft: OptimizedDraft | undefined;
  let optimized: string | undefined;
  let form: EncoderForm = "published";
  /** What the workers load that take the others' places. */
  let next: Found | undefined;
  let loaded: (() => Promise<void>) | undefined;

  async function openCaches(): Promise<Record<EncoderForm, OptimizedCache> | undefined> {
    if (copies === undefined || encoder === undefined) return undefined;
    if (encoder.bytes < (copies.smallestBytes ?? SMALLEST_ENCODER_BYTES)) return undefined;
    const runtime = await runtimeVersion();
    if (runtime === undefined) return undefined;
    const key = { encoder, runtime, processor: (await processor()).id };
    return {
      published: createOptimizedCache(copies.dir, { ...key, form: "published" }),
      rewritten: createOptimizedCache(copies.dir, { ...key, form: "rewritten" }),
    };
  }

  /** The best copy there is. */
  async function find(mayBeRewritten = true): Promise<Found> {
    const found = await caches;
    const rewritten = copies?.rewrites === true && mayBeRewritten ? await found?.rewritten.find() : undefined;
    if (rewritten !== undefined) return { form: "rewritten", cache: found?.rewritten, path: rewritten };
    return { form: "published", cache: found?.published, path: await found?.published.find() };
  }

  /** What is loaded from now on. */
  function use(found: Found): void {
    optimized = found.path;
    form = found.form;
  }

  return {
    async next(worker) {
      switch (worker) {
        case "first": {
          const found = await find();
          use(found);
          if (found.path !== undefined) loaded = await found.cache?.tried();
          else {
            draft = draftOf(await found.cache?.begin());
            check(draft !== undefined);
          }
          return withCopy(request, optimized, draft?.graphPath);
        }
        case "other":
          await loaded?.();
          if (draft) optimized = await draft.commit();
          draft = undefined;
          return withCopy(request, optimized, undefined);
        case "replacement":
          // The files may have been replaced since. A better copy that another process has made is for all workers at once, or texts would be of two readers.
          await verifyBundle(bundle);
          use(await find(form === "rewritten"));
          return withCopy(request, optimized, undefined);
        case "renewed":
          next = await find();
          loaded = await next.cache?.tried();
          return withCopy(request, next.path, undefined);
      }
    },
    async failed() {
      await loaded?.();
      await draft?.discard();
      draft = undefined;
    },
    form: () => form,
    async hasFasterForm() {
      if ((await caches) === undefined || copies?.rewrites !== true || form === "rewritten") return false;
      return canBeRewritten(bundle.encoderPath, (await processor()).sign);
    },
    async rewrite(signal) {
      const cache = (await caches)?.rewritten;
      if (cache === undefined || encoder === undefined || copies === undefined)
        throw new GigasttError("GST_REWRITE", "no copies are kept.");
      // Another process may have made it since then.
      const before = (await cache.find()) && (await findRewritten(copies.dir, encoder.sha256));
      if (before) return before;
      const begun = await cache.begin();
      if ("refused" in begun)
        throw new GigasttError(begun.isBusy ? "GST_REWRITE_BUSY" : "GST_REWRITE_ROOM", `${begun.refused}.`);
      try {
        const published = withCopy(request, optimized, undefined);
        const { sign } = await processor();
        const trial = await writeRewritten({ encoder, published, sign, draft: begun, signal });
        if ((await begun.commit(trial)) !== undefined) return trial;
        throw new GigasttError(
          "GST_REWRITE",
          "the rewritten encoder could not be kept: it was damaged, or others may write it.",
        );
      } catch (error) {
        await begun.discard();
        throw error;
      }
    },
    async renewed() {
      if (next) use(next);
      await loaded?.();
      await (await caches)?.published.remove();
    },
  };
}

// ---

interface Found {
  readonly form: EncoderForm;
  readonly cache: OptimizedCache | undefined;
  /** Undefined: there is no copy. */
  readonly path: string | undefined;
}

function draftOf(begun: Awaited<ReturnType<OptimizedCache["begin"]>> | undefined): OptimizedDraft | undefined {
  return begun !== undefined && "graphPath" in begun ? begun : undefined;
}

function withCopy(request: LoadRequest, optimized: string | undefined, saveTo: string | undefined): LoadRequest {
  return {
    ...request,
    ...(optimized !== undefined && { optimizedEncoderPath: optimized }),
    ...(saveTo !== undefined && { saveEncoderTo: saveTo }),
  };
}

async function runtimeVersion(): Promise<string | undefined> {
  try {
    const file = fileURLToPath(new URL("node_modules/onnxruntime-node/package.json", installationRoot()));
    const { version } = JSON.parse(await readFile(file, "utf8")) as { version?: string }; // a package's manifest
    return version;
  } catch {
    return undefined;
  }
}

/** Two processors with one identity run the same kernels. Signed weights need 8-bit dot products: without them, x86 sums pairs in 16 bits, which can saturate. */
async function processor(): Promise<{ readonly id: string; readonly sign: WeightSign }> {
  const cpuinfo = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /^(?:flags|Features)\s*:.*$/m.exec(cpuinfo)?.[0] ?? "";
  return {
    id: [process.platform, process.arch, cpus()[0]?.model ?? "", flags].join("\n"),
    sign: process.arch === "x64" && /\bavx(?:512)?_vnni\b/.test(flags) ? "signed" : "unsigned",
  };
}
