import type { IncomingMessage } from "node:http";
import type { ResolvedConfig } from "../../config/types.ts";
import { scopesFor } from "../../shared/api-keys.ts";
import type { Clock } from "../../shared/time/clock.ts";
import { errorCodeOf, WireError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { RouteSpec } from "../../shared/protocol.ts";
import { setInterval } from "../../shared/time/timers.ts";
import type { KeyStore, SignIn, StoredKey } from "../../store/keys.ts";
import { hashOf, isExpired } from "../../store/keys.ts";
import { hasKeyInUrl, presentedKey } from "./credentials.ts";
import { createKeyRing } from "./key-ring.ts";
import { isOwnPage } from "./own-page.ts";
import { createRateLimiter } from "./rate-limit.ts";
import type { RateLimiter } from "./rate-limit.ts";
import { newToken, presentedToken } from "./sign-in-cookie.ts";

/** One request or session that a key was accepted for. */
export interface KeyUse {
  readonly key: string;
  /** Counts audio that was recognised; it may end every use of the key when the day's minutes are used up. */
  count(audioMs: number): void;
  /** Called once when the key is revoked, expires or has used up its minutes. */
  onEnd(end: (error: WireError) => void): void;
  /** Gives its place back. */
  release(): void;
}

/** What the check needs to know of a route. */
export type KeyedRoute = Pick<RouteSpec, "path" | "traffic" | "face">;

/** What the check reads of a request. */
export type KeyedRequest = Pick<IncomingMessage, "headers" | "url" | "method"> & {
  readonly socket?: IncomingMessage["socket"];
};

/** The check of API keys: every face asks here and nowhere else. */
export interface KeyCheck {
  /** Throws the refusal. undefined where no key is needed. */
  admit(req: KeyedRequest, route: KeyedRoute): KeyUse | undefined;
  /** Returns the valid key that a request presents, or signed in with; nothing is counted. */
  holder(req: KeyedRequest): KeyHolder | undefined;
  /** Signs a browser in with the key that its request presents. Throws where that is not valid, or not a page of this server asks. */
  signIn(req: KeyedRequest): { readonly token: string; readonly lifeMs: number; readonly holder: KeyHolder };
  /** Ends the sign-in of a request, if there is one. Its open requests and sessions end with it. */
  signOut(req: KeyedRequest): void;
  /** Counts audio of a job of this key. Returns when the key has minutes again, once those of the day are used up. */
  spend(name: string, audioMs: number): number | undefined;
  /** Returns the number of keys that can be used now; undefined where no key is needed. */
  usable(): number | undefined;
  /** Writes what was counted and closes the store. */
  close(): void;
}

export interface KeyHolder {
  readonly key: StoredKey;
  /** Undefined where the request itself presents the key. */
  readonly signIn: SignIn | undefined;
}

export const NO_KEYS: KeyCheck = {
  spend: () => undefined,
  admit: () => undefined,
  holder: () => undefined,
  signIn: () => {
    throw new WireError("bad_request", "this server needs no API key");
  },
  signOut: () => {},
  usable: () => undefined,
  close: () => {},
};

/** A key that was created, changed or revoked is seen after this time at the latest. Reads shared memory, no disk. */
const LOOK_MS = 250;
const FLUSH_MS = 1000;

export function createKeyCheck(options: {
  readonly store: KeyStore;
  readonly settings: () => Pick<ResolvedConfig, "auth" | "console" | "server">;
  readonly clock: Clock;
  readonly log: Logger;
}): KeyCheck {
  const { store, settings, clock, log } = options;
  const ring = createKeyRing();
  const limiters = new Map<number, RateLimiter>();
  const open = new Map<number, Set<Use>>();
  let seen: number | undefined;
  let flushedMs = clock.monotonicMs();
  let day = dayOf(clock.nowMs());
  let stored: ReadonlyMap<number, number> = new Map();
  let signIns: ReadonlyMap<string, SignIn> = new Map();
  let pending = new Map<number, number>();
  let hasTrouble = false;

  const count = (id: number, audioMs: number): void => {
    if (audioMs > 0) pending.set(id, (pending.get(id) ?? 0) + audioMs);
  };
  const usedMs = (id: number): number => (stored.get(id) ?? 0) + (pending.get(id) ?? 0);
  const dayEndsMs = (): number => Date.parse(`${day}T00:00:00Z`) + DAY_MS;
  const quotaOf = ({ id, name, audioMinutesPerDay: minutes }: StoredKey): WireError | undefined => {
    if (minutes === undefined || usedMs(id) < minutes * 60_000) return undefined;
    const untilMs = dayEndsMs();
    return new WireError(
      "quota_exceeded",
      `the key ${name} has used its ${minutes} minutes of audio for today; it works again at ${new Date(untilMs).toISOString()}`,
      { retryAfterMs: Math.max(1000, untilMs - clock.nowMs()) },
    );
  };
  const fault = (id: number): WireError | undefined => {
    const key = ring.get(id);
    if (key === undefined || isExpired(key, clock.nowMs())) return invalid("the API key was revoked or has expired");
    return quotaOf(key);
  };
  const endWhereWrong = (): void => {
    for (const [id, uses] of open) {
      const error = fault(id);
      for (const use of uses) {
        const ended = error ?? (use.signIn === undefined || isValid(use.signIn) ? undefined : invalid(SIGNED_OUT));
        if (ended !== undefined) use.end(ended);
      }
    }
  };
  /** It is still kept, has not expired, and its key has the same value. */
  const isValid = ({ hash, keyId, keyHash, expiresAtMs }: SignIn): boolean => {
    const key = ring.get(keyId);
    return (
      key !== undefined &&
      expiresAtMs > clock.nowMs() &&
      signIns.has(nameOf(hash)) &&
      Buffer.compare(key.hash, keyHash) === 0
    );
  };
  const signInOf = (req: KeyedRequest): SignIn | undefined => {
    const { allowedOrigins, port } = settings().server;
    const token = isOwnPage(req, allowedOrigins) ? presentedToken(req, port) : undefined;
    const signIn = token === undefined ? undefined : signIns.get(nameOf(hashOf(token)));
    return signIn !== undefined && isValid(signIn) ? signIn : undefined;
  };
  const usableKey = (value: string): StoredKey | undefined => {
    const key = ring.find(value);
    return key === undefined || isExpired(key, clock.nowMs()) ? undefined : key;
  };
  const holderOf = (req: KeyedRequest): KeyHolder | undefined => {
    const value = presentedKey(req, settings().auth);
    const signIn = value === undefined ? signInOf(req) : undefined;
    const key = value === undefined ? signIn && ring.get(signIn.keyId) : usableKey(value);
    return key === undefined || isExpired(key, clock.nowMs()) ? undefined : { key, signIn };
  };
  /** A change of our own does not change the version that the store tells us. */
  const readAgain = (): void => {
    seen = undefined;
    read();
    endWhereWrong();
  };
  const read = (): void => {
    stored = store.usedOn(day);
    const version = store.dataVersion();
    if (version === seen) return;
    const keys = store.list();
    ring.set(keys);
    signIns = new Map(store.signIns().map((signIn) => [nameOf(signIn.hash), signIn]));
    const known = new Map(keys.map((key) => [key.id, key]));
    for (const [id, limiter] of limiters) {
      const perMinute = known.get(id)?.requestsPerMinute;
      if (perMinute === undefined) limiters.delete(id);
      else limiter.configure(bucketOf(perMinute));
    }
    seen = version;
  };
  const flush = (): void => {
    const today = dayOf(clock.nowMs());
    if (pending.size > 0) {
      store.addUse(day, pending);
      pending = new Map();
    }
    if (today !== day) seen = undefined;
    day = today;
  };
  /** A busy or full disk must not end the service: what was counted stays in memory and is written later. */
  const look = (): void => {
    try {
      const isDue = clock.monotonicMs() - flushedMs >= FLUSH_MS || dayOf(clock.nowMs()) !== day;
      const hasUse = isDue && (pending.size > 0 || dayOf(clock.nowMs()) !== day);
      if (hasUse) flush();
      if (isDue) flushedMs = clock.monotonicMs();
      if (hasUse || store.dataVersion() !== seen) read();
      hasTrouble = false;
    } catch (error) {
      if (!hasTrouble) log.error("keys_store_failed", { code: errorCodeOf(error), err: error });
      hasTrouble = true;
    }
    endWhereWrong();
  };

  read();
  const timer = setInterval(look, LOOK_MS);
  timer.unref();

  return {
    admit: (req, route) => {
      const scopes = scopesFor(route);
      if (scopes === undefined) return undefined;
      const holder = holderOf(req);
      if (holder === undefined) throw invalid(refusalText(req, settings().auth));
      const { key, signIn } = holder;
      if (!key.scopes.some((scope) => scopes.includes(scope))) {
        throw new WireError(
          "insufficient_scope",
          `the key ${key.name} has the scopes ${key.scopes.join(", ")}; ${route.path} needs ${scopes.join(" or ")}`,
        );
      }
      const uses = open.get(key.id) ?? new Set<Use>();
      const { requestsPerMinute: perMinute, concurrent } = key;
      if (concurrent !== undefined && uses.size >= concurrent) {
        throw new WireError(
          "too_many_connections",
          `the key ${key.name} allows ${concurrent} requests and sessions at once`,
          {
            retryAfterMs: 1000,
          },
        );
      }
      const spent = quotaOf(key);
      if (spent !== undefined) throw spent;
      if (perMinute !== undefined) {
        const limiter = limiters.get(key.id) ?? createRateLimiter(bucketOf(perMinute), clock, 1);
        limiters.set(key.id, limiter);
        const waitMs = limiter.take("");
        if (waitMs !== undefined) {
          throw new WireError(
            "rate_limit_exceeded",
            `the key ${key.name} allows ${perMinute} requests a minute; wait for the time given`,
            { retryAfterMs: waitMs },
          );
        }
      }
      const use = createUse(key, signIn, {
        count: (audioMs) => count(key.id, audioMs),
        released: () => {
          uses.delete(use);
          if (uses.size === 0 && open.get(key.id) === uses) open.delete(key.id);
        },
      });
      open.set(key.id, uses.add(use));
      return use;
    },
    spend: (name, audioMs) => {
      const key = [...ring.all()].find((known) => known.name === name);
      if (key === undefined) return undefined;
      count(key.id, audioMs);
      return quotaOf(key) === undefined ? undefined : dayEndsMs();
    },
    holder: holderOf,
    signIn: (req) => {
      const { console, server, auth } = settings();
      if (!isOwnPage(req, server.allowedOrigins) || req.headers.origin === undefined) {
        throw new WireError(
          "origin_denied",
          "only the page of this server signs in; programs send the key with each request",
        );
      }
      const key = usableKey(presentedKey(req, auth) ?? "");
      if (key === undefined) throw invalid("the API key is not valid");
      const nowMs = clock.nowMs();
      const old = signInOf(req);
      if (old !== undefined) store.removeSignIn(old.hash);
      // Always a new token: one that the browser brought may have been planted.
      const token = newToken();
      const expiresAtMs = Math.min(nowMs + console.signInTimeMs, key.expiresAtMs ?? Infinity);
      const signIn = { hash: hashOf(token), keyId: key.id, keyHash: key.hash, expiresAtMs };
      store.addSignIn(signIn, nowMs);
      readAgain();
      return { token, lifeMs: expiresAtMs - nowMs, holder: { key, signIn } };
    },
    signOut: (req) => {
      const signIn = signInOf(req);
      if (signIn === undefined) return;
      store.removeSignIn(signIn.hash);
      readAgain();
    },
    usable: () => [...ring.all()].filter((key) => !isExpired(key, clock.nowMs())).length,
    close: () => {
      clearInterval(timer);
      try {
        flush();
      } catch (error) {
        log.error("keys_store_failed", { code: errorCodeOf(error), err: error });
      }
      store.close();
    },
  };
}

// ---

interface Use extends KeyUse {
  readonly signIn: SignIn | undefined;
  end(error: WireError): void;
}

function createUse(
  { name }: StoredKey,
  signIn: SignIn | undefined,
  { count, released }: { readonly count: (audioMs: number) => void; readonly released: () => void },
): Use {
  let listeners: ((error: WireError) => void)[] = [];
  let ended: WireError | undefined;
  return {
    key: name,
    signIn,
    count,
    onEnd: (listener) => {
      if (ended === undefined) listeners.push(listener);
      else listener(ended);
    },
    end: (error) => {
      ended ??= error;
      for (const listener of listeners.splice(0)) listener(error);
    },
    release: () => {
      listeners = [];
      released();
    },
  };
}

const DAY_MS = 86_400_000;

/** Days are UTC days: the same on every machine. */
function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}

/** A sixth of a minute's requests may come at once. */
function bucketOf(perMinute: number): { readonly perMinute: number; readonly burst: number } {
  return { perMinute, burst: Math.max(1, Math.ceil(perMinute / 6)) };
}

const SIGNED_OUT = "signed out, or the sign-in has expired; sign in again";

/** A hash as the key of a map. */
function nameOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString("latin1");
}

function refusalText(req: KeyedRequest, auth: ResolvedConfig["auth"]): string {
  if (presentedKey(req, auth) !== undefined) return "the API key is not valid";
  return !auth.queryParameter && hasKeyInUrl(req.url ?? "")
    ? "an API key in the URL is not accepted; send it as Authorization: Bearer KEY"
    : "this server needs an API key; send it as Authorization: Bearer KEY";
}

function invalid(message: string): WireError {
  return new WireError("invalid_api_key", message);
}
