import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { distFile } from "../../shared/process/entry.ts";

/** A file of the page as it is stored: as it is, and compressed when it was built. */
export interface ConsoleFile {
  readonly type: string;
  /** Changes with the content: part of its address, so that a browser may keep the file for a year. */
  readonly version: string;
  readonly encodings: ReadonlyMap<Encoding, Uint8Array<ArrayBuffer>>;
}

/** Best first. */
const ENCODINGS = ["br", "gzip", "identity"] as const;
type Encoding = (typeof ENCODINGS)[number];

const SUFFIXES: Readonly<Record<Encoding, string>> = { br: ".br", gzip: ".gz", identity: "" };

const TYPES = {
  "app.js": "text/javascript; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
  "charts.js": "text/javascript; charset=utf-8",
  "charts-style.css": "text/css; charset=utf-8",
  "worklet.js": "text/javascript; charset=utf-8",
  "offline.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
  "manifest.webmanifest": "application/manifest+json",
} as const;
export type ConsoleFileName = keyof typeof TYPES;

export function isConsoleFile(name: string): name is ConsoleFileName {
  return Object.hasOwn(TYPES, name);
}

const read = new Map<ConsoleFileName, ConsoleFile>();

/** Returns a file of the bundle, read once. */
export function consoleFile(name: ConsoleFileName): ConsoleFile {
  let file = read.get(name);
  if (file === undefined) {
    const load = (encoding: Encoding) =>
      [encoding, new Uint8Array(readFileSync(distFile(`console/${name}${SUFFIXES[encoding]}`)))] as const;
    const encodings = new Map(ENCODINGS.map(load));
    const hash = createHash("sha256").update(encodings.get("identity") ?? "");
    file = { type: TYPES[name], version: hash.digest("base64url").slice(0, 12), encodings };
    read.set(name, file);
  }
  return file;
}

/** Returns the best encoding that an `Accept-Encoding` header allows. */
export function chooseEncoding(header: string | undefined): Encoding {
  const weights = new Map(
    (header ?? "").split(",").map((part) => {
      const [name = "", ...parameters] = part.toLowerCase().split(";");
      const q = parameters.map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find((text) => text !== undefined);
      return [name.trim(), q === undefined ? 1 : Number(q)] as const;
    }),
  );
  return ENCODINGS.find((name) => (weights.get(name) ?? weights.get("*") ?? 0) > 0) ?? "identity";
}
