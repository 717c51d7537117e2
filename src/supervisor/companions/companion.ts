import type { ResolvedConfig } from "../../config/types.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { EventSink } from "../logs/events.ts";
import type { ProcessDefinition } from "../process/instance.ts";
import { ManagedProcess } from "../process/managed-process.ts";
import type { ChildNote } from "../process/orphans.ts";
import { configuredRestarts } from "../process/restart-policy.ts";
import type { CompanionTrouble } from "../status/issues.ts";
import type { RunningProgram } from "./replaced-programs.ts";

/** What proxy and Redis get from the supervisor. */
export interface CompanionOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly config: () => ResolvedConfig;
  readonly emit: EventSink;
  readonly onLine: (line: string) => void;
  readonly onChildren: (children: readonly ChildNote[]) => void;
  readonly runtimePid: () => number | undefined;
}

/** A program beside the runtime: restarted by itself, and never a reason for the runtime to stop. */
export interface Companion {
  readonly process: ManagedProcess;
  /** Set by the first stop: nothing is started after it. */
  isStopping: boolean;
  /** What is wrong besides the state of the process: no program, files edited or refused. */
  trouble: CompanionTrouble | undefined;
  /** Starts it. Never throws: a failure becomes `trouble` and an event. */
  attempt(start: () => Promise<void>): Promise<void>;
  /** The running program and its file, for the check whether an update replaced it. */
  program(binary: string): readonly RunningProgram[];
}

export function createCompanion(definition: ProcessDefinition, options: CompanionOptions): Companion {
  const { name } = definition;
  const { config, emit, onLine, onChildren } = options;
  const process: ManagedProcess = new ManagedProcess({
    definition,
    policy: configuredRestarts(config),
    clock: systemClock,
    emit,
    onLine,
    onChildren: () => onChildren(process.notes()),
  });
  const companion: Companion = {
    process,
    isStopping: false,
    trouble: undefined,
    attempt: async (start) => {
      companion.trouble = undefined;
      if (companion.isStopping) return;
      try {
        await start();
      } catch (error) {
        companion.trouble = startTrouble(name, error);
        emit({ level: "error", event: "start_failed", process: name, reason: messageOf(error) });
      }
    },
    program: (binary) => {
      const { state, current } = process;
      if (state !== "ready" || current === undefined) return [];
      return [{ name, binary, startedAtMs: Date.now() - (performance.now() - current.child.startedMonotonicMs) }];
    },
  };
  return companion;
}

// ---

function startTrouble(name: string, error: unknown): CompanionTrouble {
  const isMissing = error instanceof GigasttError && error.code === "GST_PROGRAM";
  return {
    id: isMissing ? "program_missing" : "proxy_config",
    text: `${name} is not running: ${messageOf(error)}`,
    cure: isMissing ? `gigastt config explain supervisor.${name}.binary` : "gigastt reload",
  };
}
