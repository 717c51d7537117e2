import type { Verdict } from "../../audit/observe/verdict.ts";
import type { RuleInfo } from "../../audit/types.ts";
import type { Check } from "../check.ts";
import type { HostFacts } from "./facts.ts";

/** One question to the facts of a machine. */
export interface HostCheck extends RuleInfo, Check<HostFacts, Verdict> {
  /** Static rules that look for the same defect in files. */
  readonly sameAs: readonly string[];
}
