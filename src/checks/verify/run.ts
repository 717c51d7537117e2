import { isIP } from "node:net";
import { createAssumptions } from "../../audit/model/assume.ts";
import { notChecked, verdictOf, type Problem, type Verdict } from "../../audit/observe/verdict.ts";
import { messageOf } from "../../shared/errors.ts";
import type { OutsideTarget } from "../../shared/outside/client.ts";
import { printable } from "../../shared/text/printable.ts";
import { ContactError, createContext, type LiveContext } from "../live/context.ts";
import { VERIFY_CHECKS, type VerifyCheck } from "./checks.ts";

export interface VerifyOptions {
  readonly target: OutsideTarget;
  /** The service is meant to need no credentials. */
  readonly open: boolean;
  /** The largest body that must pass, bytes; one more must be refused. */
  readonly bodyBytes: number;
  /** Called after each check, in order. */
  readonly onResult: (check: VerifyCheck, verdict: Verdict) => void;
}

/** Runs the checks until the first root cause. Returns those that were not run because of it. */
export async function runVerify(options: VerifyOptions): Promise<readonly VerifyCheck[]> {
  const { target, onResult } = options;
  const checks = VERIFY_CHECKS.filter(({ needs }) => applies(target.url, needs));
  let live: LiveContext | undefined;
  let lost: ContactError | undefined;
  try {
    live = await createContext({
      target,
      limits: { requests: Infinity, timeMs: Infinity, slowBodyMs: 0, slowHeadersMs: 0 },
      assume: createAssumptions({ given: { "limits.body": String(options.bodyBytes) } }),
      open: options.open,
    });
  } catch (error) {
    if (!(error instanceof ContactError)) throw error;
    lost = error;
  }
  for (const [i, check] of checks.entries()) {
    if (target.signal.aborted) return checks.slice(i);
    if (lost !== undefined) {
      if (check.id !== (lost.stage === "handshake" ? "certificate" : "health")) continue;
      onResult(check, unreachable(lost, target));
      return checks.filter((other) => other !== check);
    }
    if (live === undefined) return checks;
    const { verdict, isRoot } = await verdictFor(check, live);
    onResult(check, verdict);
    if (isRoot) return checks.slice(i + 1);
  }
  return [];
}

// ---

function applies(url: URL, needs: VerifyCheck["needs"]): boolean {
  if (needs === "https") return url.protocol === "https:";
  return needs !== "name" || isIP(url.hostname.replace(/^\[|\]$/g, "")) === 0;
}

/** All facts of one line. A root that is found ends them. */
async function verdictFor(check: VerifyCheck, live: LiveContext): Promise<{ verdict: Verdict; isRoot: boolean }> {
  const problems: Problem[] = [];
  const details: string[] = [];
  let reason: string | undefined;
  for (const fact of check.facts) {
    if (fact.tls === true && live.target.url.protocol !== "https:") continue;
    const verdict = await fact
      .run(live)
      .catch((error: unknown) => notChecked(printable(messageOf(error).split("\n")[0] ?? "failed", 200)));
    if (verdict.result === "ok") details.push(verdict.detail);
    else if (verdict.result === "not-checked") reason ??= verdict.reason;
    else problems.push(...verdict.problems);
    if (
      fact.root === true &&
      verdict.result === "found" &&
      verdict.problems.some(({ severity }) => severity !== "warning")
    )
      return { verdict, isRoot: true };
  }
  const unproved = problems.length === 0 && reason !== undefined;
  return {
    verdict: unproved ? notChecked(reason ?? "") : verdictOf(problems, [...new Set(details)].join("; ")),
    isRoot: false,
  };
}

function unreachable({ message, fix }: ContactError, target: OutsideTarget): Verdict {
  return verdictOf([{ place: target.url.origin, evidence: message, message, fix }], "");
}
