import type { ModelConfig } from "../config/types.ts";
import { GigasttError } from "../shared/errors.ts";
import { filesOf } from "./bundle.ts";
import type { ModelEntry, Precision, Registry } from "./registry-guard.ts";
import { AUTO_MODEL } from "./registry.ts";

/** Returns the model to download without a name: the one of the configuration when it can be downloaded, else the registry's first. */
export function wantedModel({ id }: Pick<ModelConfig, "id">, registry: Registry): ModelEntry {
  const downloads = registry.models.filter(({ source }) => source.kind === "download");
  const configured = id === AUTO_MODEL ? undefined : downloads.find((entry) => entry.id === id);
  const entry = configured ?? downloads[0];
  if (!entry) throw new GigasttError("GST_MODEL_SOURCE", "the registry has no model to download.", { exitCode: 2 });
  return entry;
}

export function wantedPrecision({ precision }: Pick<ModelConfig, "precision">, entry: ModelEntry): Precision {
  if (precision !== "auto") return precision;
  return entry.precisions.int8 === undefined ? "fp32" : "int8";
}

/** What a download would bring. */
export interface ModelOffer {
  readonly name: string;
  readonly bytes: number;
  readonly license: string;
}

export function modelOffer(config: Pick<ModelConfig, "id" | "precision">, registry: Registry): ModelOffer {
  const entry = wantedModel(config, registry);
  const files = filesOf(entry, wantedPrecision(config, entry)) ?? [];
  return { name: entry.name, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), license: entry.license.name };
}
