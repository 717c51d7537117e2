import { isAtLeast, isBelow } from "../../../../src/audit/model/versions.ts";
import { auditFiles, type FilesOptions } from "../../../support/audit-files.ts";
import type { Front, ProxyFront } from "../front.ts";
import type { Arrived, Upstream } from "./upstream.ts";
import { ask } from "./wire.ts";

/** A rule that claims a failure in traffic: the bad file shows it on the wire, the good one does not. */
export interface Proof extends FilesOptions {
  readonly rule: string;
  readonly program: ProxyFront["kind"];
  readonly claims: string;
  /**
   * Files with placeholders: LISTEN and UPSTREAM are ports, CLOSED one on which nothing listens, ADMIN a free one, DIR the folder
   * of certificates and passwords. Traefik's two files are separated by `---`.
   */
  readonly bad: string;
  readonly good: string;
  /** Versions that have what the files need. */
  readonly from?: string;
  readonly before?: string;
  /** The socket on which the program can be asked to load its file again is part of the claim. */
  readonly hasOwnAdmin?: boolean;
  /** Whether a client meets the failure. */
  readonly fails: (run: Run) => Promise<boolean>;
}

/** A program under proof. */
export interface Run {
  readonly front: Front;
  readonly port: number;
  readonly closedPort: number;
  readonly adminPort: number;
  readonly upstream: Upstream;
  log(): string;
  reload(): Promise<void>;
  quit(): Promise<void>;
}

/** bcrypt of "correct horse" of user anna. */
export const HASH = "$2b$04$ISAJU1vMlNF34/wk.vQnYuHKKshhxGpYyTwpKvKWjSupDAB8Lj6ne";
export const BASIC: string = `Basic ${Buffer.from("anna:correct horse").toString("base64")}`;

/** Whether a version has what the files of a proof need. */
export function suits({ from, before }: Proof, version: string): boolean {
  return (from === undefined || isAtLeast(version, from)) && (before === undefined || isBelow(version, before));
}

/** Returns the rules that the audit finds in a file of a proof, for a version of the program. */
export function rulesIn(proof: Proof, text: string, version: string): readonly string[] {
  const [main = "", dynamic] = fill(text, version, {
    LISTEN: proof.program === "nginx" && text.includes(" ssl") ? "443" : "8080",
    UPSTREAM: "9876",
    CLOSED: "9877",
    ADMIN: "2020",
    DIR: "/etc/proxy",
  }).split("---\n");
  const name = { nginx: "nginx.conf", caddy: "Caddyfile", haproxy: "haproxy.cfg", traefik: "traefik.yml" };
  const files = { [name[proof.program]]: main, ...(dynamic === undefined ? {} : { "dynamic.yml": dynamic }) };
  return auditFiles(files, { versions: { [proof.program]: version }, ...proof }).map(({ rule }) => rule);
}

/** Puts values in place of the placeholders. Caddy's word for a password depends on its version. */
export function fill(text: string, version: string, values: Readonly<Record<string, string>>): string {
  const all = { ...values, AUTH: isBelow(version, "2.8.0") ? "basicauth" : "basic_auth" };
  return Object.entries(all).reduce(
    (filled, [name, value]) => filled.replace(new RegExp(`\\b${name}\\b`, "g"), value),
    text,
  );
}

/** Sends a request and returns how it reached the server. */
export async function arrival(
  { port, upstream }: Run,
  headers: Readonly<Record<string, string>> = {},
  path = "/v1/models",
): Promise<Arrived | undefined> {
  const before = upstream.arrived.length;
  await ask(port, path, { headers });
  return upstream.arrived[before];
}

/** Returns a check whether a forged value of these headers reaches the server. */
export function lets(...names: readonly string[]): (run: Run) => Promise<boolean> {
  return async (run) => {
    const forged = Object.fromEntries(names.map((name) => [name, "6.6.6.6"]));
    return JSON.stringify((await arrival(run, forged))?.headers).includes("6.6.6.6");
  };
}

/** Returns a check of the status of one request. */
export function answers(
  status: number | ((status: number) => boolean),
  path: string,
  options: Parameters<typeof ask>[2] = {},
): (run: Run) => Promise<boolean> {
  return async ({ port }) => {
    const answer = await ask(port, path, options);
    return typeof status === "number" ? answer.status === status : status(answer.status);
  };
}

const PAGE = "https://app.example.com";

/** A page that the server allows gets another answer than the server's own. */
export async function pageIsMisled({ port }: Run): Promise<boolean> {
  const { rawHeaders } = await ask(port, "/v1/models", { headers: { Origin: PAGE } });
  const values = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === "access-control-allow-origin");
  return values.join() !== PAGE;
}

/** The server is not told which page asks. */
export async function pageIsHidden(run: Run): Promise<boolean> {
  return (await arrival(run, { Origin: PAGE }))?.headers.origin !== PAGE;
}

/** Nothing but the head of a compressed stream comes before the last event was sent: they are 200 ms apart, five of them. */
export async function eventsComeTogether({ port }: Run): Promise<boolean> {
  const { pieces, endMs, status } = await ask(port, "/v1/transcribe/stream", {
    method: "POST",
    headers: { "Accept-Encoding": "gzip" },
  });
  if (status !== 200) throw new Error(`the event stream is answered with ${status}`);
  return pieces.every(({ atMs, bytes }) => bytes <= 20 || endMs - atMs < 500);
}
