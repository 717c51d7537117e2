import { messageOf } from "../shared/errors.ts";
import type { LoadedConfig } from "../config/load.ts";
import { describeFailure } from "./process/instance.ts";
import type { GateResult } from "./process/instance.ts";
import { formatLogLine, parseLogLine } from "./logs/log-format.ts";
import type { StatePaths } from "./state/state-dir.ts";
import { createNotifier } from "./helpers/systemd-notify.ts";
import { Supervisor } from "./supervisor.ts";
import type { Terminal, View, ViewOptions } from "./status/view.ts";
import { createPlainView } from "./status/view.ts";
import { setInterval } from "../shared/time/timers.ts";

export interface UpOptions {
  readonly loaded: LoadedConfig;
  /** Reads the configuration again, with the same flags and variables. */
  readonly load: () => Promise<LoadedConfig>;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly stdout: Terminal & { readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  /** Where signals come from: the process. */
  readonly signals: Pick<NodeJS.EventEmitter, "on" | "off">;
  /** Does what Ctrl-C does: a terminal that reads keys no longer does it. */
  readonly interrupt: () => void;
  readonly readVersion?: () => string;
  readonly runtimeEntry?: URL;
  readonly sampleIntervalMs?: number;
  /** What shows state and events; default: plain lines. */
  readonly makeView?: (options: ViewOptions) => View;
  /** Draws an address for phones to scan; undefined where the terminal cannot show it. */
  readonly addressPicture?: (url: string) => Promise<string | undefined>;
  /** Called once the start is decided. */
  readonly onStarted?: (outcome: { readonly ok: boolean; readonly text: string }) => void;
  /** Download the real model while the demo model serves. */
  readonly pull?: boolean;
}

/**
 * Runs the supervisor in this process until it is stopped. Exit code: 0 after a clean drain, 1 when the runtime did not
 * become ready, had to be killed or ended badly while it drained, 2 when it refused its configuration.
 */
export async function up(options: UpOptions): Promise<number> {
  const cell: { supervisor?: Supervisor } = {};
  const view = (options.makeView ?? createPlainView)({
    out: options.stdout,
    status: () => cell.supervisor?.status(),
    act: {
      stop: options.interrupt,
      reload: () => void cell.supervisor?.reloadSoon("key r"),
      restart: () =>
        void cell.supervisor?.restart().then(
          () => view.say("Restarted."),
          (error: unknown) => view.say(messageOf(error)),
        ),
    },
  });
  try {
    const supervisor = await Supervisor.open({
      loaded: options.loaded,
      load: options.load,
      paths: options.paths,
      env: options.env,
      version: options.version,
      onEvent: view.event,
      onLine: view.line,
      ...optional("runtimeEntry", options.runtimeEntry),
      ...optional("readVersion", options.readVersion),
      ...optional("sampleIntervalMs", options.sampleIntervalMs),
    });
    cell.supervisor = supervisor;
    return await run(supervisor, options, view);
  } finally {
    view.close();
  }
}

// ---

async function run(supervisor: Supervisor, options: UpOptions, view: View): Promise<number> {
  const notifier = createNotifier(options.env);
  const forget = onSignals(options, {
    stop: (count, name) => {
      if (count === 1) {
        const again = name === "SIGINT" ? " Press Ctrl-C again to stop now." : "";
        view.say(`Finishing running sessions (up to ${supervisor.config.shutdown.drainMs / 1000} s).${again}`);
        void notifier.stopping();
      } else {
        view.say("Stopping now.");
      }
      void supervisor.stop({ now: count > 1 });
    },
    reload: () => {
      void notifier
        .reloading()
        .then(() => supervisor.reloadSoon("SIGHUP"))
        .then(() => notifier.ready(supervisor.url));
    },
  });
  const pulse = notifier.watchdogMs === undefined ? undefined : setInterval(notifier.alive, notifier.watchdogMs);
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
    if (supervisor.publicUrl !== undefined) view.say(frontText(supervisor));
    for (const url of supervisor.lanUrls) view.say(`phones and computers at home: ${url}`);
    // Several addresses lead to the same page: one is enough to scan.
    const [toScan] = supervisor.lanUrls;
    const picture = toScan === undefined ? undefined : await options.addressPicture?.(toScan);
    if (picture !== undefined) view.draw(picture);
    if (model?.notice !== undefined) {
      if (options.pull === true) supervisor.pullModel();
      else view.say(model.notice);
    }
    options.onStarted?.({ ok: true, text });
    await notifier.ready(text);
    return await supervisor.finished;
  } finally {
    clearInterval(pulse);
    notifier.close();
    forget();
  }
}

/** Whether clients reach the service through the proxy we run. */
function frontText(supervisor: Supervisor): string {
  const { processes, issues } = supervisor.status();
  const proxy = processes.find(({ name }) => name === "proxy");
  if (proxy?.state === "ready") return `proxy ready: ${supervisor.publicUrl ?? ""}`;
  const issue = issues.find(({ id }) => /^(?:proxy_|program_)/.test(id));
  return issue === undefined
    ? `the proxy is not ready yet (${proxy?.lastProbe ?? "no answer"}); see gigastt status`
    : `${issue.text}\n  → ${issue.cure}`;
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

/** SIGINT and SIGTERM stop. SIGHUP is the hang-up of a terminal where there is one, else the request to reload. */
function onSignals(
  { signals, stdout }: Pick<UpOptions, "signals" | "stdout">,
  act: { readonly stop: (count: number, name: string) => void; readonly reload: () => void },
): () => void {
  let count = 0;
  const stop = (name: string): void => act.stop(++count, name);
  const onHangup = (): void => (stdout.isTTY === true ? stop("SIGHUP") : act.reload());
  signals.on("SIGINT", stop);
  signals.on("SIGTERM", stop);
  signals.on("SIGHUP", onHangup);
  return () => {
    signals.off("SIGINT", stop);
    signals.off("SIGTERM", stop);
    signals.off("SIGHUP", onHangup);
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  // A computed key loses its literal type.
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
