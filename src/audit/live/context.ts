import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, AskOptions, OutsideTarget } from "../../shared/outside/client.ts";
import { ask } from "../../shared/outside/client.ts";
import type { Handshake, HandshakeOptions } from "../../shared/outside/tls.ts";
import { handshake } from "../../shared/outside/tls.ts";
import { isLoopbackAddress } from "../../shared/proc-net.ts";
import type { Assumptions } from "../model/assume.ts";
import { NotCheckedError } from "../observe/verdict.ts";
import type { LiveContext, LiveLimits } from "./probe.ts";

/** Enough for any page of ours; a hostile server gets no more of our memory and time. */
const MAX_ANSWER_CHARS = 65_536;
const MAX_PATIENCE_MS = 5000;

export interface ContextOptions {
  readonly target: OutsideTarget;
  readonly limits: LiveLimits;
  readonly assume: Assumptions;
  readonly open: boolean;
}

/** The first contact: a handshake and /health. Throws one sentence when there is nobody to talk to. */
export async function createContext(options: ContextOptions): Promise<LiveContext> {
  const { target, limits } = options;
  const endsAtMs = performance.now() + limits.timeMs;
  let spent = 0;
  const spend = (): void => {
    if (spent >= limits.requests)
      throw new NotCheckedError(`the ${limits.requests} requests of this run are used up; --live-requests allows more`);
    if (performance.now() >= endsAtMs || target.signal.aborted)
      throw new NotCheckedError(`the time of this run is over; --live-time allows more`);
    spent += 1;
  };
  const shake = async (more: HandshakeOptions): Promise<Handshake> => {
    spend();
    return handshake(target, more);
  };
  const firstHandshake = target.url.protocol === "https:" ? await shake({ clientCertificate: true }) : undefined;
  const trusted = firstHandshake?.problem === undefined;
  const hasCredentials = target.authorization !== undefined || target.clientCertificate !== undefined;
  const askOnce = async (path: string, more: AskOptions = {}): Promise<Answer> => {
    if (more.anonymous !== true && hasCredentials && !trusted)
      throw new NotCheckedError("the certificate is not trusted, so no credentials are sent");
    spend();
    return ask(target, path, { maxBodyChars: MAX_ANSWER_CHARS, anyCertificate: !trusted, ...more });
  };
  const context: Omit<LiveContext, "health"> = {
    target,
    limits,
    assume: options.assume,
    open: options.open,
    firstHandshake,
    loopback: isLoopbackAddress(target.connectTo ?? target.url.hostname),
    ask: askOnce,
    askPatiently: async (path, more) => {
      const first = await askOnce(path, more);
      if (first.status !== 429) return first;
      const waitMs = Number(first.headers["retry-after"] ?? Number.NaN) * 1000;
      if (!(waitMs <= MAX_PATIENCE_MS)) throw new NotCheckedError("the rate limit is used up (429); repeat it later");
      await sleep(waitMs, undefined, { signal: target.signal });
      const second = await askOnce(path, more);
      if (second.status === 429) throw new NotCheckedError("the rate limit is used up (429); repeat it later");
      return second;
    },
    handshake: shake,
    spend,
    left: () => limits.requests - spent,
    timeLeftMs: () => Math.max(0, endsAtMs - performance.now()),
    at: (path) => target.url.origin + path,
  };
  return {
    ...context,
    health: await askOnce("/health", { anonymous: target.clientCertificate === undefined || !trusted }),
  };
}
