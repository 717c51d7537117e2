import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";
import { chooseEncoding, consoleFile, isConsoleFile } from "../files.ts";

/** Programs, styles and icon of the console. */
export const file: Route = {
  ...ROUTES.consoleFile,
  handle: ({ req }, context, { query, params }) => {
    requireConsole(context);
    const name = params["file"] ?? "";
    if (!isConsoleFile(name)) throw new WireError("not_found", "the console has no such file");
    const { type, version, encodings } = consoleFile(name);
    const encoding = chooseEncoding(req.headers["accept-encoding"] as string | undefined); // node joins repeated ones
    const etag = `"${version}-${encoding}"`;
    const headers = {
      etag,
      vary: "Accept-Encoding",
      // At an address without the version of this file a browser asks each time.
      "cache-control": query.get("v") === version ? "public, max-age=31536000, immutable" : "no-cache",
    };
    if (matches(req.headers["if-none-match"], etag)) return { status: 304, headers };
    return {
      status: 200,
      headers: {
        ...headers,
        "content-type": type,
        ...(name === "offline.js" ? SERVICE_WORKER : {}),
        ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
      },
      body: encodings.get(encoding) ?? "",
    };
  },
};

// ---

/** A service worker keeps the page above its own folder, and asks this server alone. */
const SERVICE_WORKER = {
  "service-worker-allowed": "../",
  "content-security-policy": "default-src 'none'; connect-src 'self'",
};

/** Proxies that compress mark an ETag as weak. */
function matches(header: string | undefined, etag: string): boolean {
  const known = new Set((header ?? "").split(",").map((text) => text.trim().replace(/^W\//, "")));
  return known.has(etag) || known.has("*");
}
