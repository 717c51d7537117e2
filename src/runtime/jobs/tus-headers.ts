import { WireError } from "../../shared/errors.ts";
import { ROUTES } from "../../shared/protocol.ts";
import type { RouteSpec } from "../../shared/protocol.ts";

const VERSION = "1.0.0";
export const TUS_EXTENSIONS: readonly string[] = ["creation", "creation-with-upload", "termination", "expiration"];

export function speaksTus(route: RouteSpec): boolean {
  return route.path === ROUTES.uploads.path || route.path === ROUTES.upload.path;
}

/** Returns what tus wants on every answer, refusals included. */
export function tusHeaders(method: string | undefined, maxBytes: number): Record<string, string> {
  const version = { "tus-resumable": VERSION, "tus-version": VERSION };
  if (method !== "OPTIONS") return version;
  return { ...version, "tus-extension": TUS_EXTENSIONS.join(","), "tus-max-size": String(maxBytes) };
}

/** Throws when the client speaks another version, as tus wants it refused. */
export function requireTusVersion(asked: string | readonly string[] | undefined): void {
  if (asked === VERSION) return;
  throw new WireError("bad_request", `send the header Tus-Resumable: ${VERSION}, the one version that is spoken here`, {
    status: 412,
  });
}
