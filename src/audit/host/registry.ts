import type { RuleInfo } from "../types.ts";

export const hostChecks: readonly RuleInfo[] = [];
