import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DownloadProblem } from "./download-problem.ts";
import { type DownloadOptions, verifyPart } from "./download.ts";
import { partOf } from "./part.ts";

/** Brings one file from a folder (a stick, a share) to its place, with the same hash check and atomic rename as a download. */
export async function copyFileIn(
  options: Omit<DownloadOptions, "url" | "client" | "retry"> & { readonly fromDir: string; readonly modelId: string },
): Promise<void> {
  const { file, target, signal, onEvent } = options;
  const source = await findSource(options.fromDir, options.modelId, file.name, file.bytes);
  const part = partOf(target);
  onEvent({ event: "file", file: file.name, bytes: file.bytes, resumedFrom: 0 });
  await part.discard();
  const stream = createReadStream(source, { highWaterMark: 1 << 20, signal });
  try {
    await part.append(stream, {
      maxBytes: file.bytes,
      onBytes: (bytesDone) => onEvent({ event: "progress", file: file.name, bytesDone, bytesTotal: file.bytes }),
    });
    await verifyPart(options, part);
  } catch (error) {
    // Reading again costs little; half a copy would only take space.
    await part.discard();
    signal.throwIfAborted();
    throw error;
  } finally {
    stream.destroy();
  }
  await part.publish(target);
  onEvent({ event: "installed", file: file.name });
}

/** The file right in the folder, or in a folder of the model's name in it (as `model.dir` itself is laid out). */
async function findSource(fromDir: string, modelId: string, name: string, bytes: number): Promise<string> {
  const candidates = [join(fromDir, name), join(fromDir, modelId, name)];
  for (const path of candidates) {
    try {
      const stats = await stat(path);
      if (stats.isFile() && stats.size === bytes) return path;
      if (stats.isFile()) {
        throw new DownloadProblem(`${path} must have ${bytes} bytes, found ${stats.size}`, {
          cure: "Copy it again from a machine where `gigastt models verify` succeeds.",
        });
      }
    } catch (error) {
      if (error instanceof DownloadProblem) throw error;
    }
  }
  throw new DownloadProblem(`${name} is not in ${fromDir}`, {
    cure: "The folder must hold all files of the model under their own names (`gigastt models list --json` shows them).",
  });
}
