import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ModelBundle, ModelFile } from "./manifest.ts";
import type { ModelEntry, Precision } from "./registry-guard.ts";

/** Of models made here before entries had languages: all were Russian. */
export const DEFAULT_LANGUAGES: readonly string[] = ["ru"];

/** Returns the distinct files of one precision, in registry order; undefined when the model does not have it. */
export function filesOf(entry: ModelEntry, precision: Precision): readonly ModelFile[] | undefined {
  const roles = entry.precisions[precision];
  if (roles === undefined) return undefined;
  const wanted = new Set<string | undefined>([roles.encoder, roles.decoder, roles.joint, roles.vocab]);
  return entry.files.filter(({ name }) => wanted.has(name));
}

/** Creates the bundle of a model whose files lie in `dir`. Touches no disk. The entry must have the precision. */
export function createBundle(options: {
  readonly entry: ModelEntry;
  readonly precision: Precision;
  readonly dir: string;
  readonly notice?: string;
}): ModelBundle {
  const { entry, precision, dir } = options;
  const roles = entry.precisions[precision];
  const files = filesOf(entry, precision);
  if (roles === undefined || files === undefined) throw new RangeError(`${entry.id} has no ${precision}`);
  return {
    id: entry.id,
    name: entry.name,
    version: entry.version,
    precision,
    encoderPath: join(dir, roles.encoder),
    ...(roles.decoder !== undefined &&
      roles.joint !== undefined && {
        transducer: { decoderPath: join(dir, roles.decoder), jointPath: join(dir, roles.joint) },
      }),
    vocabPath: join(dir, roles.vocab),
    files,
    bundleHash: bundleHash(files),
    languages: entry.languages ?? DEFAULT_LANGUAGES,
    frontEnd: entry.frontEnd,
    ...(entry.windows && { windows: entry.windows }),
    notice: options.notice,
    // Bundled files are small and may lie in a read-only installation: they are simply hashed every time.
    restore: restoreCure(entry, precision),
    keepsStamp: entry.source.kind !== "bundled",
  };
}

/** Returns the SHA-256 over the sorted `sha256  name` lines, hex: the identity of a bundle. */
export function bundleHash(files: readonly ModelFile[]): string {
  const lines = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

/** Returns how to get the files of a model back, as a sentence. */
export function restoreCure(entry: Pick<ModelEntry, "id" | "source">, precision: Precision | undefined): string {
  switch (entry.source.kind) {
    case "bundled":
      return "Restore it from the release.";
    case "local":
      return `Make it again from ${entry.source.madeFrom}: \`gigastt models quantize\`, \`optimize\` or \`import\`.`;
    case "download":
      return `Run \`gigastt models pull ${entry.id}${precision === undefined ? "" : ` --precision ${precision}`}\`.`;
  }
}
