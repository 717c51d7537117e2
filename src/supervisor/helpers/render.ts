import type { ResolvedConfig } from "../../config/types.ts";
import type { ManagedPlace, RenderSource } from "../../render/target.ts";
import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { askHelper } from "./ask-helper.ts";
import type { ProxyPlace } from "../companions/proxy-build.ts";
import type { KeptFile } from "../config/rendered-set.ts";

/** What the renderer process is asked. */
export interface RendererRequest {
  readonly config: ResolvedConfig;
  readonly source: RenderSource;
  /** False: only say what would change. */
  readonly write: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** The managed proxy; undefined = none. */
  readonly proxy:
    | { readonly place: ProxyPlace; readonly render: ManagedPlace; readonly upstreamPort: number }
    | undefined;
  /** Folder of `gigastt render`; undefined = there is none. */
  readonly setDir: string | undefined;
  /** Bytes to put back in place of what would be rendered. */
  readonly kept: { readonly proxy: readonly KeptFile[]; readonly set: readonly KeptFile[] } | undefined;
}

/** The managed proxy's files. */
export interface ProxyAnswer {
  /** undefined = the binary does not know. */
  readonly version: string | undefined;
  /** Edited by hand or foreign: left as they are, and the proxy goes on with them. */
  readonly edited: readonly string[];
  /** The proxy would notice the difference. */
  readonly changed: boolean;
  /** What was there before. */
  readonly before: readonly KeptFile[];
  /** Why the proxy refuses the new files; the old ones are back. */
  readonly refused: string | undefined;
}

/** The set of `gigastt render`. Paths below `dir`. */
export interface SetAnswer {
  readonly dir: string;
  readonly changed: readonly string[];
  readonly edited: readonly string[];
  /** Ours, but of a target the configuration no longer has. */
  readonly left: readonly string[];
  /** Why they could not be written. */
  readonly failed: string | undefined;
}

export type RendererAnswer =
  | { readonly ok: true; readonly proxy: ProxyAnswer | undefined; readonly set: SetAnswer | undefined }
  | { readonly ok: false; readonly message: string; readonly render: boolean };

/** Renders in a process of its own. Throws GST_RENDER when the configuration cannot be expressed. */
export async function renderInHelper(request: RendererRequest): Promise<RendererAnswer & { readonly ok: true }> {
  // From our own entry of the same build.
  const answer = (await askHelper(
    entryFile("supervisor/helpers/render-main"),
    request,
    {
      code: "GST_RENDER",
      what: "the files cannot be rendered",
      hint: "does the proxy's binary hang?",
      timeoutMs: RENDER_TIMEOUT_MS,
    },
    request.env,
  )) as RendererAnswer;
  if (!answer.ok) throw new GigasttError("GST_RENDER", answer.message, { exitCode: answer.render ? 2 : 1 });
  return answer;
}

const RENDER_TIMEOUT_MS = 60_000;
