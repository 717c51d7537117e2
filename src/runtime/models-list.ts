import { MODEL_ALIASES } from "../shared/protocol.ts";
import type { RuntimeContext } from "./context.ts";
import { requireReady } from "./lifecycle/readiness.ts";

/** An entry of the list of models, as OpenAI's clients read it. */
export interface ListedModel {
  readonly id: string;
  readonly object: "model";
  /** Unix seconds. */
  readonly created: number;
  readonly owned_by: string;
}

/** Returns the loaded model and its aliases. Throws while none is loaded. */
export function listedModels(context: RuntimeContext): readonly ListedModel[] {
  const { model } = context.engine;
  if (model === undefined) requireReady(context);
  const ids = model === undefined ? MODEL_ALIASES : [model.id, ...MODEL_ALIASES];
  return ids.map((id) => ({ id, object: "model", created: context.createdS, owned_by: "gigastt" }));
}
