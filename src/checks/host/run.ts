import type { Judged } from "../../audit/observe/verdict.ts";
import type { HostFacts } from "./facts.ts";
import { hostChecks } from "./registry.ts";

/** Every check's verdict on the facts. */
export function judgeHost(facts: HostFacts): readonly Judged[] {
  return hostChecks.map((rule) => ({ rule, sameAs: rule.sameAs, verdict: rule.run(facts) }));
}
