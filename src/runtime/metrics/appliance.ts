import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { SupervisorReport } from "../../shared/process/messages.ts";
import type { ModelInfo } from "../../engine/contract.ts";

export interface ApplianceSources {
  /** Undefined before the model is loaded. */
  model(): ModelInfo | undefined;
  /** Undefined where no supervisor runs, as in a container. */
  supervisor(): SupervisorReport | undefined;
}

/** The metrics about the whole appliance: the model in use, and what only the supervisor knows, since nothing else can ask it. */
export function applianceMetrics(registry: Registry, { model, supervisor }: ApplianceSources): void {
  const labelled = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => readonly (readonly [Readonly<Record<L, string>>, number])[],
  ): Gauge<L> =>
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  const started = new Gauge({
    name: "process_start_time_seconds",
    help: "Unix time of the start of the process.",
    registers: [registry],
  });
  started.set(Math.round(Date.now() / 1000 - process.uptime()));
  labelled("gigastt_model_info", "Always 1, once the model is loaded.", ["model", "precision", "demo"], () => {
    const loaded = model();
    if (loaded === undefined) return [];
    const { id, precision, notice } = loaded;
    return [[{ model: id, precision, demo: String(notice !== undefined) }, 1]];
  });
  labelled(
    "gigastt_process_restarts",
    "Restarts after unexpected ends, since the supervisor started.",
    ["process"],
    () => (supervisor()?.processes ?? []).map(({ name, restarts }) => [{ process: name }, restarts]),
  );
  labelled(
    "gigastt_cut_drains",
    "Processes cut when their drain took too long, since the supervisor started.",
    [],
    () => {
      const report = supervisor();
      return report === undefined ? [] : [[{}, report.cutDrains]];
    },
  );
  labelled("gigastt_issue", "1 for each issue that status shows.", ["issue", "severity"], () =>
    (supervisor()?.issues ?? []).map(({ id, severity }) => [{ issue: id, severity }, 1]),
  );
  labelled("gigastt_certificate_days_left", "Days until a certificate ends.", ["file"], () =>
    (supervisor()?.certificates ?? []).flatMap(({ file, daysLeft }) =>
      daysLeft === null ? [] : [[{ file }, daysLeft] as const],
    ),
  );
  labelled("gigastt_disk_free_bytes", "Free space of the disks with state and models.", ["disk"], () =>
    (supervisor()?.disks ?? []).map(({ what, freeBytes }) => [{ disk: what }, freeBytes]),
  );
}
