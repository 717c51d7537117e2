import type { RenderedBody, RenderInput } from "../target.ts";
import { renderCasaos } from "./casaos.ts";
import { renderPortainer } from "./portainer.ts";
import { renderTruenas } from "./truenas.ts";
import { renderUmbrel } from "./umbrel.ts";
import { renderUnraid } from "./unraid.ts";

/** The stores of home servers that have an entry. */
export const STORE_TARGETS = ["casaos", "umbrel", "unraid", "truenas", "portainer"] as const;
export type StoreTarget = (typeof STORE_TARGETS)[number];

/** Renders the entry of a store into a folder of the store's name. */
export function renderStore(input: RenderInput, target: StoreTarget): readonly RenderedBody[] {
  switch (target) {
    case "casaos":
      return renderCasaos(input, target);
    case "umbrel":
      return renderUmbrel(input, target);
    case "unraid":
      return renderUnraid(input, target);
    case "truenas":
      return renderTruenas(input, target);
    case "portainer":
      return renderPortainer(input, target);
  }
}
