import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { runProgram } from "../../shared/process/program.ts";
import type { BenchHost } from "./report.ts";

/** Bits of `vcgencmd get_throttled` that matter after a measurement (Raspberry Pi firmware documentation). */
const THROTTLE_BITS: readonly (readonly [number, string])[] = [
  [16, "under-voltage has occurred"],
  [17, "frequency was capped"],
  [18, "throttling has occurred"],
  [19, "soft temperature limit was reached"],
];

/** Describes the machine, with temperature and throttling where it reports them. Call it after the load. */
export async function describeHost(): Promise<BenchHost> {
  return {
    cpu: cpus()[0]?.model.trim() || (await boardModel()) || process.arch,
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 2 ** 20),
    node: process.versions.node,
    temperatureC: await temperatureC(),
    throttling: await throttling(),
  };
}

/** `throttled=0x50005` → the names of the sticky bits. */
export function parseThrottled(output: string): readonly string[] | undefined {
  const match = /^throttled=0x([0-9a-f]+)\s*$/i.exec(output);
  if (!match) return undefined;
  const flags = Number.parseInt(match[1] ?? "0", 16);
  return THROTTLE_BITS.filter(([bit]) => (flags & (1 << bit)) !== 0).map(([, name]) => name);
}

async function throttling(): Promise<readonly string[] | undefined> {
  // Only a Raspberry Pi has it.
  const { trouble, stdout } = await runProgram("vcgencmd", ["get_throttled"], { timeoutMs: 2000 });
  return trouble === undefined ? parseThrottled(stdout) : undefined;
}

async function temperatureC(): Promise<number | undefined> {
  try {
    const milli = Number(await readFile("/sys/class/thermal/thermal_zone0/temp", "utf8"));
    return Number.isFinite(milli) ? Math.round(milli / 100) / 10 : undefined;
  } catch {
    return undefined;
  }
}

async function boardModel(): Promise<string | undefined> {
  try {
    return (await readFile("/proc/device-tree/model", "utf8")).replaceAll("\0", "").trim();
  } catch {
    return undefined;
  }
}
