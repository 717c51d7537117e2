import { hostChecks } from "./host/registry.ts";
import { probes } from "./live/registry.ts";
import { rules } from "../audit/rules/registry.ts";
import type { RuleInfo } from "../audit/types.ts";

/** Everything the audit can report: rules about files, live probes, host checks. */
export const catalogue: readonly RuleInfo[] = [...rules, ...probes, ...hostChecks];

/** The entry of an id, in any case. */
export function findInfo(id: string): RuleInfo | undefined {
  return catalogue.find((rule) => rule.id === id.toUpperCase());
}
