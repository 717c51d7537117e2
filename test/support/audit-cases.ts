/// <reference types="vite/types/importMeta.d.ts" />
import type { CasesOfRule, RuleCase } from "./audit-case.ts";

/** Every `*.cases.ts` below test/unit/audit/rules: path → what breaks the good fixtures for the rule of the same path. */
export const CASE_FILES: Readonly<Record<string, { readonly cases: CasesOfRule }>> = import.meta.glob(
  "../unit/audit/rules/*/*.cases.ts",
  { eager: true },
);

/** Every rule's bad fixtures; the good one is the base they are made from. */
export const RULE_CASES: readonly RuleCase[] = Object.values(CASE_FILES).flatMap(({ cases }) => cases.cases);
