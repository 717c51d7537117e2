import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { cameByHttps } from "./own-page.ts";

type Request = Pick<IncomingMessage, "headers"> & { readonly socket?: IncomingMessage["socket"] };

/** Browsers take a name that begins with `__Host-` only over HTTPS and only from this very host: no neighbour can plant one. */
const SECURE_PREFIX = "__Host-";
const TOKEN = /^[\w-]{43}$/;

export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * Returns the token in the cookie of a sign-in; undefined also where there are two: one of them was planted.
 *
 * @param port that this server listens on
 */
export function presentedToken(req: Request, port: number): string | undefined {
  const pairs = (req.headers.cookie ?? "").split(";").map((pair) => pair.trim());
  const valuesOf = (name: string): readonly string[] =>
    pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  const name = plainName(req, port);
  const secure = valuesOf(SECURE_PREFIX + name);
  const values = secure.length > 0 || cameByHttps(req) ? secure : valuesOf(name);
  const [token] = values;
  return values.length === 1 && token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** Returns the `Set-Cookie` header that keeps a token, or with undefined the one that deletes it. */
export function signInCookie(req: Request, port: number, token: string | undefined, lifeMs: number): string {
  const isSecure = cameByHttps(req);
  return [
    `${isSecure ? SECURE_PREFIX : ""}${plainName(req, port)}=${token ?? ""}`,
    "Path=/",
    `Max-Age=${token === undefined ? 0 : Math.floor(lifeMs / 1000)}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(isSecure ? ["Secure"] : []),
  ].join("; ");
}

// ---

/** Cookies are sent for every port and path of a host. The port of the address and the server's own keep the cookies of several servers apart. */
function plainName({ headers }: Request, port: number): string {
  const [, addressPort = ""] = /(:\d+)$/.exec(headers.host ?? "") ?? [];
  return `gigastt${addressPort.replace(":", "-")}-${port}`;
}
