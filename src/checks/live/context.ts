import type { Answer, AskOptions, OutsideTarget } from "../../shared/outside/client.ts";
import { ask, connectionFailure } from "../../shared/outside/client.ts";
import type { Handshake, HandshakeOptions } from "../../shared/outside/tls.ts";
import { handshake } from "../../shared/outside/tls.ts";
import { isLoopbackAddress } from "../../shared/machine/proc-net.ts";
import type { Assumptions } from "../../audit/model/assume.ts";
import { NotCheckedError } from "../../audit/observe/verdict.ts";
import { sleep } from "../../shared/time/timers.ts";

/** Enough for any page of the service; a hostile server gets no more memory and time. */
const MAX_ANSWER_CHARS = 65_536;
const MAX_PATIENCE_MS = 5000;

export interface ContextOptions {
  readonly target: OutsideTarget;
  readonly limits: LiveLimits;
  readonly assume: Assumptions;
  readonly open: boolean;
}

/** How much a run may ask of the other side. */
export interface LiveLimits {
  readonly requests: number;
  /** Of the whole run, milliseconds. */
  readonly timeMs: number;
  /** Longest wait for a slow body to be cut, and for slow headers; milliseconds. */
  readonly slowBodyMs: number;
  readonly slowHeadersMs: number;
}

export interface LiveContext {
  readonly target: OutsideTarget;
  readonly limits: LiveLimits;
  /** What the configuration, `--assume` and the defaults say of the server. */
  readonly assume: Assumptions;
  /** `--open`: the service is open on purpose: send no credentials. */
  readonly open: boolean;
  /** The first handshake; undefined for plain HTTP. */
  readonly firstHandshake: Handshake | undefined;
  /** The answer of /health. */
  readonly health: Answer;
  readonly loopback: boolean;
  /** One counted request. Rejects when the run may ask no more. */
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** Like `ask`, but a 429 is waited out once when that is short, and is "not checked" else. */
  askPatiently(path: string, options?: AskOptions): Promise<Answer>;
  handshake(options: HandshakeOptions): Promise<Handshake>;
  /** Takes one request of the budget for a connection that a probe opens itself. */
  spend(): void;
  /** Requests that may still be sent. */
  left(): number;
  /** Milliseconds until the run ends. */
  timeLeftMs(): number;
  /** Absolute URL of a path, for reports. */
  at(path: string): string;
}

/** No answer at the first contact: what stopped it, and what to do. */
export class ContactError extends Error {
  /** Whether the TLS handshake failed, or the request after it. */
  readonly stage: "handshake" | "request";
  readonly fix: string;

  constructor(stage: "handshake" | "request", error: unknown, target: OutsideTarget) {
    const { message, fix } = connectionFailure(error, target);
    super(message, { cause: error });
    this.stage = stage;
    this.fix = fix;
  }
}

/** Makes the first contact: a handshake and /health. Throws {@link ContactError} when the service cannot be reached. */
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
  const failed = (stage: "handshake" | "request") => (error: unknown) => {
    throw error instanceof NotCheckedError ? error : new ContactError(stage, error, target);
  };
  const firstHandshake =
    target.url.protocol === "https:" ? await shake({ clientCertificate: true }).catch(failed("handshake")) : undefined;
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
      await sleep(waitMs, { signal: target.signal });
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
    health: await askOnce("/health", { anonymous: target.clientCertificate === undefined || !trusted }).catch(
      failed("request"),
    ),
  };
}
