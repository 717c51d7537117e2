import { readFileSync } from "node:fs";

/** Whether 8-bit products are summed exactly with signed weights here: x86 without VNNI adds pairs of them in 16 bits, which can saturate. */
export function hasDotProducts(): boolean {
  if (process.arch !== "x64" || process.platform !== "linux") return true;
  return /\bavx(?:512)?_vnni\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
}
