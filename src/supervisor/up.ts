import type { LoadedConfig } from "../config/load.ts";
import type { GateResult } from "./instance.ts";
import { formatLogLine, parseLogLine } from "./log-format.ts";
import type { StatePaths } from "./state-dir.ts";
import { describeFailure, Supervisor } from "./supervisor.ts";
import type { View, ViewOptions } from "./view.ts";
import { createLiveView, createPlainView } from "./view.ts";

export interface UpOptions {
  readonly loaded: LoadedConfig;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly stdout: ViewOptions["out"] & { readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  /** Where signals come from: the process. */
  readonly signals: Pick<NodeJS.EventEmitter, "on" | "off">;
  readonly runtimeEntry?: URL;
  /** Called once the start is decided. */
  readonly onStarted?: (outcome: { readonly ok: boolean; readonly text: string }) => void;
}

/**
 * Runs the supervisor in this process until it is stopped. Exit code: 0 after a clean drain, 1 when the runtime did not
 * become ready, had to be killed or ended badly while it drained, 2 when it refused its configuration.
 */
export async function up(options: UpOptions): Promise<number> {
  const cell: { supervisor?: Supervisor } = {};
  const makeView = options.stdout.isTTY === true ? createLiveView : createPlainView;
  const view = makeView({ out: options.stdout, status: () => cell.supervisor?.status() });
  try {
    const supervisor = await Supervisor.open({
      loaded: options.loaded,
      paths: options.paths,
      env: options.env,
      version: options.version,
      onEvent: view.event,
      onLine: view.line,
      ...(options.runtimeEntry === undefined ? {} : { runtimeEntry: options.runtimeEntry }),
    });
    cell.supervisor = supervisor;
    return await run(supervisor, options, view);
  } finally {
    view.close();
  }
}

// ---

async function run(supervisor: Supervisor, options: UpOptions, view: View): Promise<number> {
  const forget = onStopSignals(options.signals, (count, name) => {
    if (count === 1)
      view.say(`${name}: draining, up to ${supervisor.config.shutdown.drainMs / 1000} s; once more to stop at once`);
    else view.say(`${name} again: stopping at once`);
    void supervisor.stop({ now: count > 1 });
  });
  try {
    const result = await supervisor.start();
    if (!result.ok) {
      if (result.why === "aborted") return await supervisor.finished;
      const text = failureReport(result, options.paths);
      await supervisor.stop({ now: true });
      view.close();
      options.stderr.write(`${text}\n`);
      options.onStarted?.({ ok: false, text });
      return result.end?.kind === "config" ? 2 : 1;
    }
    const { model } = supervisor.status();
    const text = `ready in ${Math.round(result.tookMs / 100) / 10} s: ${supervisor.url}${model === null ? "" : `, model ${model.name} (${model.precision})`}`;
    view.say(text);
    if (model?.notice !== undefined) view.say(model.notice);
    options.onStarted?.({ ok: true, text });
    return await supervisor.finished;
  } finally {
    forget();
  }
}

/** Why the start failed, the probe's answer and the runtime's last 30 lines: what a person needs to see at once. */
function failureReport(result: GateResult & { readonly ok: false }, paths: StatePaths): string {
  const lines = result.lines.map((line) => {
    const parsed = parseLogLine(line);
    return `  ${parsed === undefined ? line : formatLogLine(parsed, "runtime", { date: false })}`;
  });
  return [
    `gigastt: ${describeFailure(result)}`,
    `probe: ${result.answer?.text ?? "never answered"}`,
    lines.length === 0 ? "the runtime wrote nothing" : `last ${lines.length} lines of ${paths.logsDir}/runtime.log:`,
    ...lines,
  ].join("\n");
}

/** Counts SIGINT, SIGTERM and the hang-up of a terminal; returns how to stop listening. */
function onStopSignals(signals: UpOptions["signals"], act: (count: number, name: string) => void): () => void {
  let count = 0;
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const handlers = names.map((name) => {
    const handler = (): void => {
      count += 1;
      act(count, name);
    };
    signals.on(name, handler);
    return [name, handler] as const;
  });
  return () => {
    for (const [name, handler] of handlers) signals.off(name, handler);
  };
}
