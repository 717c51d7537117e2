/** How a child process ended, as the system reported it. */
export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** What is known besides the bare exit. */
export interface ExitContext {
  /** The signals we sent ourselves. */
  readonly sent: readonly NodeJS.Signals[];
  /** We asked it to stop. */
  readonly stopping: boolean;
  /** The kernel's out-of-memory counter of our control group rose while it ran; undefined where there is none. */
  readonly oomKills: number | undefined;
  /** What the runtime said before it gave up. */
  readonly fatal: { readonly code: string; readonly message: string } | undefined;
}

export type ExitKind =
  | "clean"
  | "stopped"
  | "cut"
  | "fatal"
  | "config"
  | "failed"
  | "abort"
  | "out_of_memory"
  | "killed";

/** The truth about an exit: never "stopped" for a crash. */
export interface ExitReason {
  readonly kind: ExitKind;
  /** One sentence for people. */
  readonly text: string;
}

/** Exit codes above 128 are how shells and containers spell signals: 134 = SIGABRT, 139 = SIGSEGV, 137 = SIGKILL. */
const SIGNAL_OF_CODE: Readonly<Record<number, NodeJS.Signals>> = {
  132: "SIGILL",
  133: "SIGTRAP",
  134: "SIGABRT",
  135: "SIGBUS",
  136: "SIGFPE",
  137: "SIGKILL",
  139: "SIGSEGV",
  143: "SIGTERM",
};

const NATIVE: ReadonlySet<string> = new Set(["SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS"]);

/** Names an exit. */
export function explainExit(exit: ChildExit, context: ExitContext): ExitReason {
  const signal = exit.signal ?? (exit.code === undefined ? undefined : SIGNAL_OF_CODE[exit.code]);
  if (signal !== undefined && NATIVE.has(signal))
    return { kind: "abort", text: `native abort (${spell(exit, signal)}): a crash in native code, not a stop` };
  if (signal === "SIGKILL") return explainKill(context);
  if (signal !== undefined) {
    if (context.sent.includes(signal)) return { kind: "stopped", text: `stopped by gigastt (${signal})` };
    return { kind: "killed", text: `stopped by ${signal} from outside gigastt` };
  }
  if (context.fatal !== undefined)
    return { kind: exit.code === 2 ? "config" : "fatal", text: `gave up: ${context.fatal.message}` };
  if (exit.code === 0) {
    return context.stopping
      ? { kind: "clean", text: "stopped cleanly" }
      : { kind: "failed", text: "exited unexpectedly with code 0" };
  }
  if (exit.code === 2) return { kind: "config", text: "refused its configuration (exit code 2)" };
  if (exit.code === 1 && context.stopping)
    return { kind: "cut", text: "stopped, but work was cut off at the deadline" };
  return { kind: "failed", text: `exit code ${exit.code ?? "unknown"}` };
}

// ---

function explainKill(context: ExitContext): ExitReason {
  if (context.sent.includes("SIGKILL")) {
    return { kind: "cut", text: "killed by gigastt: it did not stop within its deadline" };
  }
  if ((context.oomKills ?? 0) > 0) {
    return { kind: "out_of_memory", text: "killed by the kernel: out of memory" };
  }
  if (context.stopping)
    return { kind: "cut", text: "killed while stopping; a runtime whose native code is stuck kills itself" };
  return context.oomKills === undefined
    ? {
        kind: "killed",
        text: "killed by SIGKILL from outside gigastt (often out of memory; this system does not count such kills)",
      }
    : { kind: "killed", text: "killed by SIGKILL from outside gigastt, not for memory" };
}

function spell(exit: ChildExit, signal: NodeJS.Signals): string {
  return exit.code === undefined ? signal : `exit code ${exit.code} = ${signal}`;
}
