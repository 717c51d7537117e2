import type { Answer, AskOptions } from "../../shared/outside/client.ts";
import type { OutsideTarget } from "../../shared/outside/client.ts";
import type { Handshake, HandshakeOptions } from "../../shared/outside/tls.ts";
import type { Assumptions } from "../model/assume.ts";
import type { Verdict } from "../observe/verdict.ts";
import type { RuleInfo } from "../types.ts";

/** One question to a running service. */
export interface Probe extends RuleInfo {
  /** Static rules that look for the same defect in files. */
  readonly sameAs: readonly string[];
  /** Runs beside the others from the start: it waits for a timer of the other side. */
  readonly waits?: true;
  /** Place in the run: handshakes come first, what uses up the rate limit comes last. */
  readonly turn?: "first" | "last";
  /** Only over HTTPS. */
  readonly tls?: true;
  /** Reads nothing but this context. An error it throws becomes "not checked", with its message. */
  readonly run: (live: LiveContext) => Promise<Verdict>;
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
  /** `--open`: nobody is asked for credentials, on purpose. */
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
