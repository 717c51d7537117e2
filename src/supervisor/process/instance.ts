import { startChild } from "./child.ts";
import type { Child, LaunchPlan } from "./child.ts";
import { explainExit } from "./exit-reason.ts";
import type { ExitReason } from "./exit-reason.ts";
import { asLogLine, createLineRing } from "../logs/lines.ts";
import { oomKillCount } from "../../shared/machine/memory.ts";
import type { ProbeAnswer } from "./probe.ts";
import { setTimeout, sleep } from "../../shared/time/timers.ts";

/** One start of a managed process: the child and what is known about it. */
export interface Instance {
  /** Counts starts of this process, from 1. */
  readonly number: number;
  readonly child: Child;
  /** The last lines it wrote, as log lines. */
  lastLines(count: number): readonly string[];
  /** Settles when it is gone, with the truth about its end. */
  readonly ended: Promise<ExitReason>;
  /** Undefined while it lives. */
  end(): ExitReason | undefined;
  /** Set before it is asked to stop, so that its exit is not taken for a crash. */
  expectEnd(): void;
  expectsEnd(): boolean;
}

/** What a kind of process needs to be managed: runtime, proxy and Redis. */
export interface ProcessDefinition {
  readonly name: string;
  plan(): LaunchPlan;
  timing(): ProcessTiming;
  /** Called once the child runs: send it what it waits for. */
  started?(instance: Instance, shared: boolean): void;
  message?(instance: Instance, message: unknown): void;
  /** Asked repeatedly until it says ok. `shared` = an older instance still serves on the same socket. */
  gate(instance: Instance, shared: boolean): Promise<ProbeAnswer>;
  health(instance: Instance, shared: boolean): Promise<ProbeAnswer>;
  /** Begins a graceful stop. */
  requestStop(instance: Instance, how: StopRequest): void;
  /** A line in the process's own format as our log keeps it; undefined = as any other text. Default: always. */
  logLine?(line: string): string | undefined;
  /** What it said before it gave up. */
  fatal?(instance: Instance): { readonly code: string; readonly message: string } | undefined;
}

export interface StopRequest {
  /** Another instance serves already: sessions may end by themselves. */
  readonly handover: boolean;
  /** Handed over: how long sessions may go on before the drain begins. Otherwise: how long until SIGKILL. */
  readonly limitMs: number;
}

export interface ProcessTiming {
  /** From start to a passed gate. */
  readonly startMs: number;
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  /** From the stop request to SIGKILL. */
  readonly stopMs: number;
}

export interface InstanceOptions {
  readonly definition: ProcessDefinition;
  readonly number: number;
  readonly nowMs: () => number;
  readonly onLine: (line: string) => void;
  /** Another instance serves on the same socket. */
  readonly shared: boolean;
}

const RING_LINES = 200;
const GATE_INTERVAL_MS = 100;

/** Starts the process once. Throws when it cannot be started at all (missing file, no memory). */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { definition } = options;
  const ring = createLineRing(RING_LINES);
  const oomBefore = await oomKillCount();
  let expected = false;
  let end: ExitReason | undefined;
  const early: unknown[] = [];
  let deliver = (message: unknown): void => void early.push(message);
  const child = await startChild(definition.plan(), {
    onLine: (line, stream) => {
      const logLine = definition.logLine?.(line) ?? asLogLine(line, { stream, nowMs: options.nowMs() });
      ring.push(logLine);
      options.onLine(logLine);
    },
    onMessage: (message) => deliver(message),
  });
  const started: Instance = {
    number: options.number,
    child,
    lastLines: ring.last,
    end: () => end,
    expectEnd: () => {
      expected = true;
    },
    expectsEnd: () => expected,
    ended: child.exited.then(async (exit) => {
      const oomAfter = await oomKillCount();
      end = explainExit(exit, {
        sent: child.sent,
        stopping: expected,
        oomKills: oomBefore === undefined || oomAfter === undefined ? undefined : oomAfter - oomBefore,
        fatal: definition.fatal?.(started),
      });
      return end;
    }),
  };
  deliver = (message) => definition.message?.(started, message);
  for (const message of early) deliver(message);
  definition.started?.(started, options.shared);
  return started;
}

/** How a start ended. */
export type GateResult =
  | { readonly ok: true; readonly tookMs: number; readonly answer: ProbeAnswer }
  | {
      readonly ok: false;
      readonly why: "exited" | "deadline" | "aborted";
      readonly tookMs: number;
      readonly end: ExitReason | undefined;
      readonly answer: ProbeAnswer | undefined;
      readonly lines: readonly string[];
    };

/** Why a start failed, in one sentence. */
export function describeFailure(result: GateResult & { readonly ok: false }, who = "the runtime"): string {
  if (result.why === "exited") return `${who} ended before it was ready: ${result.end?.text ?? "no reason known"}`;
  if (result.why === "aborted") return "the start was cancelled";
  return `${who} was not ready within ${Math.round(result.tookMs / 100) / 10} s; last answer: ${result.answer?.text ?? "none"}`;
}

/** Waits until the instance passes its gate, dies, runs out of time, or the signal fires. */
export async function awaitGate(
  definition: ProcessDefinition,
  instance: Instance,
  options: { readonly shared: boolean; readonly signal: AbortSignal },
): Promise<GateResult> {
  const started = performance.now();
  const { startMs } = definition.timing();
  const tookMs = (): number => Math.round(performance.now() - started);
  let answer: ProbeAnswer | undefined;
  const failed = (why: "exited" | "deadline" | "aborted"): GateResult => {
    return { ok: false, why, tookMs: tookMs(), end: instance.end(), answer, lines: instance.lastLines(30) };
  };
  for (;;) {
    if (options.signal.aborted) return failed("aborted");
    if (instance.end() !== undefined) return failed("exited");
    const found = await Promise.race([definition.gate(instance, options.shared), instance.ended.then(() => undefined)]);
    if (found !== undefined) {
      answer = found;
      if (found.ok && instance.end() === undefined) return { ok: true, tookMs: tookMs(), answer };
    }
    if (tookMs() >= startMs) return failed("deadline");
    await Promise.race([sleep(GATE_INTERVAL_MS), instance.ended]);
  }
}

/** Stops an instance gracefully: asks, waits, then kills its whole process group. Returns the truth about its end. */
export async function endInstance(
  definition: ProcessDefinition,
  instance: Instance,
  how: StopRequest & { readonly now?: boolean },
): Promise<ExitReason> {
  const known = instance.end();
  if (known !== undefined) return known;
  instance.expectEnd();
  if (how.now === true) instance.child.kill();
  else definition.requestStop(instance, how);
  const killAfterMs = how.handover ? how.limitMs + definition.timing().stopMs : how.limitMs;
  const timer = setTimeout(() => instance.child.kill(), killAfterMs);
  try {
    return await instance.ended;
  } finally {
    clearTimeout(timer);
  }
}
