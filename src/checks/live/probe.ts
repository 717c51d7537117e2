import type { Verdict } from "../../audit/observe/verdict.ts";
import type { RuleInfo } from "../../audit/types.ts";
import type { Check } from "../check.ts";
import type { LiveContext } from "./context.ts";

/** One question to a running service, with its entry in the catalogue. */
export interface Probe extends RuleInfo, Check<LiveContext, Promise<Verdict>> {
  /** Static rules that look for the same defect in files. */
  readonly sameAs: readonly string[];
  /** Runs beside the others from the start: it waits for a timer of the other side. */
  readonly waits?: true;
  /** Place in the run: handshakes come first, what uses up the rate limit comes last. */
  readonly turn?: "first" | "last";
  /** Only over HTTPS. */
  readonly tls?: true;
}
