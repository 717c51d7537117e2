import { GigasttError } from "../shared/errors.ts";

/** A configuration that cannot be rendered as asked, or files that must not be touched. */
export class RenderError extends GigasttError {
  constructor(message: string, options: { cause?: unknown; exitCode?: 1 | 2 } = {}) {
    super("GST_RENDER", message, { exitCode: 2, ...options });
    this.name = "RenderError";
  }
}
