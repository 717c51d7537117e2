import { fileURLToPath } from "node:url";
import { FORCE_CLOSE_MARGIN_MS } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type {
  Answer,
  DrainReport,
  FromRuntime,
  Question,
  RuntimeModel,
  RuntimeStats,
  TlsPair,
  ToRuntime,
  SupervisorReport,
} from "../../shared/process/messages.ts";
import type { Instance, ProcessDefinition } from "../process/instance.ts";
import type { Listener } from "./listener.ts";
import { probeHttp } from "../process/probe.ts";
import type { ProbeAnswer } from "../process/probe.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** What one runtime process reported. */
export interface RuntimeFacts {
  listening: boolean;
  model: RuntimeModel | undefined;
  stats: RuntimeStats | undefined;
  drained: DrainReport | undefined;
  fatal: { readonly code: string; readonly message: string } | undefined;
}

/** The runtime as a managed process, and the conversation with it. */
export interface RuntimeProcess {
  readonly definition: ProcessDefinition;
  facts(instance: Instance): Readonly<RuntimeFacts>;
  /** Asks the runtime to take over live keys. Undefined when it did, else why not. */
  reload(instance: Instance, config: ResolvedConfig, timeoutMs: number): Promise<string | undefined>;
  /** Tells it what the supervisor knows. */
  inform(instance: Instance, status: SupervisorReport): void;
}

export interface RuntimeProcessOptions {
  /** The file of the child's entry: `runtime/supervised-main` of the build that is to run. */
  readonly entry: () => URL;
  readonly config: () => ResolvedConfig;
  /** HTTP first. */
  readonly listeners: () => readonly Listener[];
  /** Where HTTP is asked for the health check. */
  readonly http: () => { readonly host: string; readonly port: number };
  readonly tls: () => TlsPair | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Answers what the runtime asks for the console. Never rejects. */
  readonly onAsk?: (question: Question) => Promise<Answer>;
  readonly onStats?: (instance: Instance, stats: RuntimeStats) => void;
}

/** Describes the supervised runtime. */
export function createRuntimeProcess(options: RuntimeProcessOptions): RuntimeProcess {
  const factsOf = new WeakMap<Instance, RuntimeFacts>();
  const waiting = new Map<string, (message: FromRuntime) => void>();
  let nextId = 1;

  const facts = (instance: Instance): RuntimeFacts => {
    const known = factsOf.get(instance);
    if (known !== undefined) return known;
    const fresh: RuntimeFacts = {
      listening: false,
      model: undefined,
      stats: undefined,
      drained: undefined,
      fatal: undefined,
    };
    factsOf.set(instance, fresh);
    return fresh;
  };

  const tell = (instance: Instance, message: ToRuntime): Promise<boolean> => instance.child.send(message);

  /** Sends a question and waits for the answer that carries its id. */
  const ask = async (
    instance: Instance,
    message: ToRuntime & { readonly id: number },
    timeoutMs: number,
  ): Promise<FromRuntime | undefined> => {
    const key = `${instance.number}:${message.id}`;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<FromRuntime | undefined>((resolve) => {
        waiting.set(key, resolve);
        // Same second look as in probeHttp: the answer may already wait behind a late timer.
        timer = setTimeout(() => setTimeout(() => resolve(undefined), 50), timeoutMs);
        void instance.ended.then(() => resolve(undefined));
        void tell(instance, message).then((sent) => (sent ? undefined : resolve(undefined)));
      });
    } finally {
      clearTimeout(timer);
      waiting.delete(key);
    }
  };

  const probe = async (instance: Instance): Promise<ProbeAnswer> => {
    const started = performance.now();
    const { healthTimeoutMs } = options.config().supervisor;
    const answer = await ask(instance, { type: "probe", id: nextId++ }, healthTimeoutMs);
    const tookMs = Math.round(performance.now() - started);
    if (answer?.type === "probed")
      return { ok: true, text: `probe → ${answer.stats.state}`, tookMs, body: answer.stats };
    return { ok: false, text: `probe → no answer within ${healthTimeoutMs} ms`, tookMs, body: undefined };
  };

  const get = (path: string): Promise<ProbeAnswer> =>
    probeHttp(
      { ...options.http(), tls: options.tls() !== undefined },
      path,
      options.config().supervisor.healthTimeoutMs,
    );

  const definition: ProcessDefinition = {
    name: "runtime",
    plan: () => ({
      file: process.execPath,
      args: [fileURLToPath(options.entry())],
      env: options.env,
      cwd: options.cwd,
      listenFds: options.listeners(),
      ipc: true,
    }),
    timing: () => {
      const { supervisor, model, shutdown } = options.config();
      return {
        startMs: supervisor.startTimeoutMs + model.loadTimeoutMs,
        healthIntervalMs: supervisor.healthIntervalMs,
        healthTimeoutMs: supervisor.healthTimeoutMs,
        stopMs: shutdown.drainMs + FORCE_CLOSE_MARGIN_MS,
      };
    },
    started: (instance, shared) => {
      const tls = options.tls();
      void tell(instance, {
        type: "start",
        config: options.config(),
        handover: shared,
        ...(tls === undefined ? {} : { tls }),
      });
    },
    message: (instance, raw) => {
      const message = fromRuntime(raw);
      if (message === undefined) return;
      const known = facts(instance);
      switch (message.type) {
        case "listening":
          known.listening = true;
          break;
        case "ready":
          known.model = message.model;
          break;
        case "drained":
          known.drained = message.report;
          break;
        case "fatal":
          known.fatal = { code: message.code, message: message.message };
          break;
        case "probed":
          known.stats = message.stats;
          options.onStats?.(instance, message.stats);
          waiting.get(`${instance.number}:${message.id}`)?.(message);
          break;
        case "reloaded":
        case "reload_refused":
          waiting.get(`${instance.number}:${message.id}`)?.(message);
          break;
        case "ask": {
          const { id } = message;
          void options.onAsk?.(message.question).then((answer) => tell(instance, { type: "answered", id, ...answer }));
          break;
        }
        case "draining":
          break;
      }
    },
    fatal: (instance) => facts(instance).fatal,
    gate: async (instance, shared) => {
      const known = facts(instance);
      // Over a shared socket an answer may come from the predecessor: only what the successor says itself counts.
      if (!known.listening)
        return notYet(shared ? "the new runtime loads its model" : "the runtime does not listen yet");
      if (known.model === undefined) return shared ? notYet("the runtime loads its model") : get("/ready");
      if (!shared) return get("/ready");
      const answer = await probe(instance);
      return answer.ok && known.stats?.state !== "ready" ? { ...answer, ok: false } : answer;
    },
    health: async (instance, shared) => {
      if (shared) return probe(instance);
      // The probe brings the figures, /health brings the truth: what counts is that a client would be answered.
      const [answer] = await Promise.all([get("/health"), probe(instance)]);
      return answer;
    },
    requestStop: (instance, how) => {
      if (!how.handover) {
        instance.child.signal("SIGTERM");
        return;
      }
      const drain = { type: "drain", handover: true, limitMs: how.limitMs } as const;
      void tell(instance, drain).then((sent) => {
        if (!sent) instance.child.signal("SIGTERM");
      });
    },
  };

  return {
    definition,
    facts,
    reload: async (instance, config, timeoutMs) => {
      const answer = await ask(instance, { type: "reload", id: nextId++, config }, timeoutMs);
      if (answer?.type === "reloaded") return undefined;
      return answer?.type === "reload_refused" ? answer.reason : `the runtime did not confirm within ${timeoutMs} ms`;
    },
    inform: (instance, status) => void tell(instance, { type: "supervisor", status }),
  };
}

// ---

const MESSAGE_TYPES: ReadonlySet<string> = new Set<FromRuntime["type"]>([
  "listening",
  "ready",
  "reloaded",
  "reload_refused",
  "draining",
  "drained",
  "probed",
  "ask",
  "fatal",
]);

function fromRuntime(raw: unknown): FromRuntime | undefined {
  if (typeof raw !== "object" || raw === null || !("type" in raw)) return undefined;
  // Both ends come from one build, and unknown types are ignored by contract: the type alone decides.
  return typeof raw.type === "string" && MESSAGE_TYPES.has(raw.type) ? (raw as FromRuntime) : undefined;
}

function notYet(text: string): ProbeAnswer {
  return { ok: false, text, tookMs: 0, body: undefined };
}
