import type { HostCheck } from "./check.ts";

export const hostChecks: readonly HostCheck[] = [];
