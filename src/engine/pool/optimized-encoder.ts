import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { ModelBundle } from "../../models/manifest.ts";
import { createOptimizedCache, type OptimizedDraft } from "../../models/optimized.ts";
import { verifyBundle } from "../../models/verify.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { LoadRequest } from "../acoustic/protocol.ts";

/** What each worker of a pool loads: the model's encoder, or an optimized copy of it that an earlier worker or start has left. */
export interface RequestSource {
  /** For the worker that comes next. Rejects when a replacement would load files that have changed. */
  next(worker: "first" | "other" | "replacement"): Promise<LoadRequest>;
  /** The first worker did not load: what it wrote is of no use. */
  failed(): Promise<void>;
}

/**
 * @param request for the model's own files
 * @param dir folder of the optimized copies; undefined = none are kept
 */
export function createRequestSource(bundle: ModelBundle, request: LoadRequest, dir: string | undefined): RequestSource {
  const encoder = bundle.files.find(({ name }) => bundle.encoderPath.endsWith(name));
  const cache = (async () => {
    if (dir === undefined || encoder === undefined || encoder.bytes < SMALLEST_BYTES) return undefined;
    const runtime = await runtimeVersion();
    return runtime === undefined
      ? undefined
      : createOptimizedCache(dir, { encoder, runtime, processor: await processorId() });
  })();
  let draft: OptimizedDraft | undefined;
  let optimized: string | undefined;
  let loaded: (() => Promise<void>) | undefined;

  return {
    async next(worker) {
      switch (worker) {
        case "first":
          optimized = await (await cache)?.find();
          if (optimized === undefined) draft = await (await cache)?.begin();
          else loaded = await (await cache)?.tried();
          return withCopy(request, optimized, draft?.graphPath);
        case "other":
          await loaded?.();
          if (draft) optimized = await draft.commit();
          draft = undefined;
          return withCopy(request, optimized, undefined);
        case "replacement":
          // The files may have been replaced since.
          await verifyBundle(bundle);
          return withCopy(request, await (await cache)?.find(), undefined);
      }
    },
    async failed() {
      await loaded?.();
      await draft?.discard();
      draft = undefined;
    },
  };
}

// ---

/** A smaller encoder loads in a moment; two files more would not be worth it. */
const SMALLEST_BYTES = 32e6;

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

/** Two processors with one identity run the same kernels. */
async function processorId(): Promise<string> {
  const cpuinfo = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /^(?:flags|Features)\s*:.*$/m.exec(cpuinfo)?.[0] ?? "";
  return [process.platform, process.arch, cpus()[0]?.model ?? "", flags].join("\n");
}
