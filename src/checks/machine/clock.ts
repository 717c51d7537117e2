import { fileURLToPath } from "node:url";
import { notChecked, ok, verdictOf, type Verdict } from "../../audit/observe/verdict.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { Machine } from "../machine.ts";

/** What the clock shows, and whether a service keeps it right. */
export interface ClockFact {
  readonly nowMs: number;
  /** The installation cannot be younger than now. */
  readonly installedMs: number | undefined;
  readonly synchronized: boolean | undefined;
  /** The program that reports it, or why none does. */
  readonly by: string;
}

const DAY_MS = 86_400_000;

export async function readClock(machine: Pick<Machine, "nowMs" | "stat" | "list" | "run">): Promise<ClockFact> {
  const installed = machine.stat(fileURLToPath(new URL("package.json", installationRoot())));
  return {
    nowMs: machine.nowMs(),
    installedMs: "code" in installed ? undefined : installed.mtimeMs,
    ...(await synchronisation(machine)),
  };
}

/** A plausible and synchronised time: certificates, their renewal, logs and Retry-After depend on it, and small boards boot in 1970. */
export function clockVerdict({ nowMs, installedMs, synchronized, by }: ClockFact): Verdict {
  const now = `${new Date(nowMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const found = (message: string, severity: "error" | "warning"): Verdict =>
    verdictOf([{ place: "/run/systemd/timesync", evidence: `${by}: ${message}`, severity, message, fix: CURE }], "");
  if (installedMs !== undefined && nowMs < installedMs - DAY_MS)
    return found(
      `it is ${now}, but this installation was made on ${new Date(installedMs).toISOString().slice(0, 10)}`,
      "error",
    );
  if (synchronized === undefined) return notChecked(`${now}, synchronisation unknown: ${by}`);
  return synchronized ? ok(`${now}, synchronised (${by})`) : found(`${now}, not synchronised (${by})`, "warning");
}

// ---

const CURE =
  "Synchronise the clock: timedatectl set-ntp true, or run chrony; UDP port 123 must be open to the outside.";

async function synchronisation(
  machine: Pick<Machine, "list" | "run">,
): Promise<{ readonly synchronized: boolean | undefined; readonly by: string }> {
  const shown = await machine.run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  if ("stdout" in shown && /^(?:yes|no)\s*$/.test(shown.stdout))
    return { synchronized: shown.stdout.trim() === "yes", by: "timedatectl" };
  const tracked = await machine.run("chronyc", ["-n", "tracking"]);
  const leap = "stdout" in tracked ? /^Leap status\s*:\s*(.*)$/m.exec(tracked.stdout)?.[1]?.trim() : undefined;
  if (leap !== undefined) return { synchronized: leap !== "Not synchronised", by: "chronyc" };
  // systemd-timesyncd makes the folder when it runs and the file when it has agreed with a server.
  const kept = machine.list("/run/systemd/timesync");
  if (kept.length > 0) return { synchronized: kept.includes("synchronized"), by: "systemd-timesyncd" };
  const why = [shown, tracked].map((answer) => ("problem" in answer ? answer.problem : "no answer"));
  return { synchronized: undefined, by: why.join("; ") };
}
