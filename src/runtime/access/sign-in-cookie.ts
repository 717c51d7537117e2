import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { cameByHttps } from "./own-page.ts";

type Request = Pick<IncomingMessage, "headers"> & { readonly socket?: IncomingMessage["socket"] };

/** Browsers take a name that begins with `__Host-` only over HTTPS and only from this very host: no neighbour can plant one. */
const SECURE_NAME = "__Host-gigastt";
const PLAIN_NAME = "gigastt";
const TOKEN = /^[\w-]{43}$/;

export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Returns the token in the cookie of a sign-in; undefined also where there are two: one of them was planted. */
export function presentedToken(req: Request): string | undefined {
  const pairs = (req.headers.cookie ?? "").split(";").map((pair) => pair.trim());
  const valuesOf = (name: string): readonly string[] =>
    pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  const secure = valuesOf(SECURE_NAME);
  const values = secure.length > 0 || cameByHttps(req) ? secure : valuesOf(PLAIN_NAME);
  const [token] = values;
  return values.length === 1 && token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** Returns the `Set-Cookie` header that keeps a token, or with undefined the one that deletes it. */
export function signInCookie(req: Request, token: string | undefined, lifeMs: number): string {
  const isSecure = cameByHttps(req);
  return [
    `${isSecure ? SECURE_NAME : PLAIN_NAME}=${token ?? ""}`,
    "Path=/",
    `Max-Age=${token === undefined ? 0 : Math.floor(lifeMs / 1000)}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(isSecure ? ["Secure"] : []),
  ].join("; ");
}
