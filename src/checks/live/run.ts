import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { withDeadline } from "../../shared/time/deadline.ts";
import { messageOf } from "../../shared/errors.ts";
import { connectionProblem, type OutsideTarget } from "../../shared/outside/client.ts";
import { printable } from "../../shared/text/printable.ts";
import type { Assumptions } from "../../audit/model/assume.ts";
import { notChecked, type Judged, type Verdict } from "../../audit/observe/verdict.ts";
import { createContext } from "./context.ts";
import type { LiveContext, LiveLimits } from "./context.ts";
import type { Probe } from "./probe.ts";
import { probes as allProbes } from "./registry.ts";

/** What a run may ask when nothing else is said. */
export const DEFAULT_LIMITS: LiveLimits = { requests: 100, timeMs: 120_000, slowBodyMs: 45_000, slowHeadersMs: 80_000 };

export interface LiveOptions {
  readonly target: OutsideTarget;
  readonly limits: LiveLimits;
  readonly assume: Assumptions;
  /** The service is meant to need no credentials. */
  readonly open: boolean;
  /** Called with one line before each probe and after it. */
  readonly progress: (line: string) => void;
}

/** Asks every probe's question of one host. Never rejects: a host that cannot be talked to is "not checked" throughout. */
export async function runLive(options: LiveOptions): Promise<readonly Judged[]> {
  const { limits, progress } = options;
  let target: OutsideTarget;
  let live: LiveContext;
  const stop = withDeadline(options.target.signal, limits.timeMs);
  try {
    target = { ...(await pinned(options.target)), signal: stop };
    progress(`${target.url.origin} at ${target.connectTo}`);
    live = await createContext({ ...options, target });
  } catch (error) {
    const reason = printable(connectionProblem(error), 200);
    progress(`no conversation: ${reason}`);
    return allProbes.map((probe) => judged(probe, notChecked(reason)));
  }
  const run = async (probe: Probe): Promise<Judged> => {
    const verdict = await verdictOf(probe, live);
    const said = { ok: "ok", found: "found", "not-checked": "not checked" }[verdict.result];
    progress(`${limits.requests - live.left()}/${limits.requests} requests, ${probe.id}: ${said}`);
    return judged(probe, verdict);
  };
  const probes = (turn?: Probe["turn"]): readonly Probe[] =>
    allProbes.filter((probe) => !probe.waits && probe.turn === turn);
  const waiting = allProbes.filter((probe) => probe.waits).map(run);
  const results: Judged[] = [];
  for (const probe of [...probes("first"), ...probes(), ...probes("last")]) results.push(await run(probe));
  results.push(...(await Promise.all(waiting)));
  return results.toSorted(byId);
}

// ---

async function verdictOf(probe: Probe, live: LiveContext): Promise<Verdict> {
  if (probe.tls === true && live.target.url.protocol !== "https:") return notChecked("the URL is plain http");
  try {
    return await probe.run(live);
  } catch (error) {
    return notChecked(printable(messageOf(error).split("\n")[0] ?? "failed", 200));
  }
}

function byId(a: Judged, b: Judged): number {
  return a.rule.id < b.rule.id ? -1 : 1;
}

function judged(probe: Probe, verdict: Verdict): Judged {
  return { rule: probe, sameAs: probe.sameAs, verdict };
}

/** One address for the whole run: the requests of one probe must meet the same server, and no other host's. */
async function pinned(target: OutsideTarget): Promise<OutsideTarget> {
  if (target.connectTo !== undefined) return target;
  const host = target.url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return { ...target, connectTo: host };
  return { ...target, connectTo: (await lookup(host)).address };
}
