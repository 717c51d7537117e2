import { fileURLToPath } from "node:url";
import { listenersOf } from "../../config/listeners.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { entryFile, installationRoot } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { LISTENERS, listenerSpec, placeText } from "../../shared/listeners.ts";
import type { ListenerName, ListenPlace } from "../../shared/listeners.ts";
import { lanAddresses } from "../../shared/machine/host-names.ts";
import type { RuntimeStats, SupervisorReport, TlsPair } from "../../shared/process/messages.ts";
import { configuredRestarts } from "../process/restart-policy.ts";
import type { EventSink } from "../logs/events.ts";
import { describeFailure } from "../process/instance.ts";
import type { GateResult } from "../process/instance.ts";
import { holds, lanCertificate } from "./lan-certificate.ts";
import { openListener, passedSockets } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { ManagedProcess } from "../process/managed-process.ts";
import { availableMemoryBytes, residentBytes } from "../../shared/machine/memory.ts";
import type { ChildNote } from "../process/orphans.ts";
import { connectableHost } from "../process/probe.ts";
import { createRuntimeProcess } from "./runtime-process.ts";
import type { RuntimeFacts, RuntimeProcess, RuntimeProcessOptions } from "./runtime-process.ts";
import { createStandIn } from "./stand-in.ts";
import type { StandIn } from "./stand-in.ts";

export interface ServiceOptions {
  readonly config: () => ResolvedConfig;
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the certificate for the home network. */
  readonly lanDir: string;
  /** The runtime child's program. */
  readonly runtimeEntry: URL | undefined;
  readonly emit: EventSink;
  readonly onLine: (line: string) => void;
  readonly onChildren: (children: readonly ChildNote[]) => void;
  readonly onAsk?: RuntimeProcessOptions["onAsk"];
  readonly onStats: (pid: number, stats: RuntimeStats) => void;
}

/** How a restart was done. */
export interface RestartOutcome {
  /** `handover`: the new runtime served before the old one stopped. `stop_start`: drained first. `start`: nothing served before. */
  readonly mode: "handover" | "stop_start" | "start";
  /** Why no hand-over was possible. */
  readonly why: string | undefined;
  readonly pid: number | undefined;
  readonly tookMs: number;
}

/** A second runtime needs what the first one has, and some room. */
const HANDOVER_SPARE_BYTES = 64 * 1024 * 1024;

/** The listening sockets and the runtime behind them. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #runtime: RuntimeProcess;
  readonly process: ManagedProcess;
  /** HTTP first. */
  #listeners: readonly Listener[];
  /** What the HTTP socket speaks TLS with; undefined = it does not. */
  #tls: TlsPair | undefined;
  readonly #standIn: StandIn;

  private constructor(options: ServiceOptions, listeners: readonly Listener[], tls: TlsPair | undefined) {
    this.#options = options;
    this.#listeners = listeners;
    this.#tls = tls;
    this.#standIn = createStandIn(options.env);
    this.#runtime = createRuntimeProcess({
      entry: () => options.runtimeEntry ?? entryFile("runtime/supervised-main"),
      config: options.config,
      listeners: () => this.#listeners,
      http: () => this.http,
      tls: () => this.#tls,
      env: options.env,
      cwd: fileURLToPath(installationRoot()),
      ...(options.onAsk === undefined ? {} : { onAsk: options.onAsk }),
      onStats: (instance, stats) => options.onStats(instance.child.pid, stats),
    });
    this.process = new ManagedProcess({
      definition: this.#runtime.definition,
      policy: configuredRestarts(options.config),
      clock: systemClock,
      emit: (event) => {
        if (event.event === "state") this.#letStandIn(event["to"] === "crash_loop");
        options.emit(event);
      },
      onLine: options.onLine,
      onChildren: () => options.onChildren(this.process.notes()),
    });
  }

  /** Takes the sockets: those that systemd passed, else the addresses of the configuration. Starts nothing. */
  static async open(options: ServiceOptions): Promise<Service> {
    const tls = await tlsFor(options);
    return new Service(options, await openAll(listenersOf(options.config()), passedSockets(options.env)), tls);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** The address of HTTP. */
  get http(): { readonly host: string; readonly port: number; readonly inherited: boolean } {
    const [listener] = this.#listeners;
    // HTTP is always on, and it is TCP.
    if (listener === undefined || "socket" in listener.place) throw new Error("the service has no HTTP listener");
    return { ...listener.place, inherited: listener.inherited };
  }

  get url(): string {
    const { host, port } = this.http;
    return `${this.#tls === undefined ? "http" : "https"}://${placeText({ host: connectableHost(host), port })}`;
  }

  /** What the current runtime said about itself. */
  facts(): Readonly<RuntimeFacts> | undefined {
    const { current } = this.process;
    return current === undefined ? undefined : this.#runtime.facts(current);
  }

  /** Where other devices reach it, with `server.lan`; empty without. */
  get lanUrls(): readonly string[] {
    return this.#tls === undefined ? [] : lanAddresses().map((address) => `https://${address}:${this.http.port}`);
  }

  /** Whether the certificate for the home network has to be replaced: a restart does it. */
  get hasOldCertificate(): boolean {
    return this.#tls !== undefined && !holds(this.#tls, new Date());
  }

  start(): Promise<GateResult> {
    return this.process.start();
  }

  /** Replaces the runtime: beside the old one where memory allows it, else drained first. Throws when the new one is not healthy; then the old one, if it was still there, goes on. */
  async restart(progress: (text: string) => void): Promise<RestartOutcome> {
    const started = performance.now();
    const outcome = (mode: RestartOutcome["mode"], why?: string): RestartOutcome => ({
      mode,
      why,
      pid: this.process.current?.child.pid,
      tookMs: Math.round(performance.now() - started),
    });
    this.#tls = await tlsFor(this.#options);
    if (this.process.state !== "ready") {
      progress("starting the runtime");
      if (this.process.instances().length > 0) await this.process.stop();
      throwUnlessReady(await this.process.start());
      return outcome("start");
    }
    const obstacle = await this.#handoverObstacle();
    if (obstacle !== undefined) {
      progress(`no hand-over: ${obstacle}. Draining first; new connections wait until the new runtime is ready`);
      await this.process.stop();
      throwUnlessReady(await this.process.start());
      return outcome("stop_start", obstacle);
    }
    progress("starting a second runtime beside the first");
    const result = await this.process.handOver({
      limitMs: this.#options.config().shutdown.drainMs,
      onServing: () => progress("the new runtime serves; the old one drains"),
    });
    throwUnlessReady(result, "The old runtime keeps serving.");
    return outcome("handover");
  }

  /** Lets the running runtime take over live keys. Undefined when it confirmed, else why not. */
  async reload(config: ResolvedConfig): Promise<string | undefined> {
    const { current } = this.process;
    return current === undefined ? "no runtime is running" : this.#runtime.reload(current, config, RELOAD_TIMEOUT_MS);
  }

  /** Whether the sockets are those that the configuration asks for. */
  get isInPlace(): boolean {
    const wanted = listenersOf(this.#options.config());
    return wanted.length === this.#listeners.length && wanted.every((one) => this.#find(one) !== undefined);
  }

  /** Drains, moves to the configured addresses, starts again. When a new address cannot be bound, returns to the old ones and throws. */
  async rebind(progress: (text: string) => void): Promise<RestartOutcome> {
    const wanted = listenersOf(this.#options.config());
    const kept = this.#listeners.filter((listener) => wanted.some((one) => this.#find(one) === listener));
    const dropped = this.#listeners.filter((listener) => !kept.includes(listener));
    const fixed = dropped.find(({ inherited }) => inherited);
    if (fixed !== undefined) {
      const { section } = listenerSpec(fixed.name);
      throw new GigasttError(
        "GST_RELOAD_MANUAL",
        `${section}.host and ${section}.port cannot change: the socket belongs to the service manager. Change ListenStream= of the socket unit and restart it`,
      );
    }
    const started = performance.now();
    progress("draining: the address changes");
    await this.process.stop();
    for (const listener of dropped) listener.close();
    const missing = wanted.filter((one) => this.#find(one, kept) === undefined);
    try {
      this.#listeners = inOrder([...kept, ...(await openAll(missing))]);
    } catch (error) {
      const back = dropped.map(({ name, asked }) => ({ name, place: asked }));
      this.#listeners = inOrder([...kept, ...(await openAll(back))]);
      throw error;
    }
    this.#tls = await tlsFor(this.#options);
    throwUnlessReady(await this.process.start());
    return {
      mode: "stop_start",
      why: "the address changed",
      pid: this.process.current?.child.pid,
      tookMs: Math.round(performance.now() - started),
    };
  }

  /** Tells the runtime what the supervisor knows, for `/ready` on loopback. */
  inform(status: SupervisorReport): void {
    const { current } = this.process;
    if (current !== undefined && current.end() === undefined) this.#runtime.inform(current, status);
  }

  /** After everything has ended. */
  async close(): Promise<void> {
    this.#standIn.end();
    await this.#standIn.gone();
    for (const listener of this.#listeners) listener.close();
  }

  // ---

  /** Why two runtimes cannot live side by side for a moment; undefined when they can. */
  async #handoverObstacle(): Promise<string | undefined> {
    const pid = this.process.current?.child.pid;
    const needed = ((pid === undefined ? undefined : await residentBytes(pid)) ?? 0) + HANDOVER_SPARE_BYTES;
    const available = await availableMemoryBytes();
    const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    return available >= needed
      ? undefined
      : `a second runtime needs about ${mib(needed)}, ${mib(available)} are available`;
  }

  #letStandIn(wanted: boolean): void {
    if (!wanted) return this.#standIn.end();
    const retryAfterS = Math.ceil(this.#options.config().supervisor.crashWindowMs / 1000);
    this.#standIn.begin({ listeners: this.#listeners, retryAfterS, tls: this.#tls });
  }

  #find(wanted: Wanted, among: readonly Listener[] = this.#listeners): Listener | undefined {
    return among.find(({ name, asked }) => name === wanted.name && placeText(asked) === placeText(wanted.place));
  }
}

const RELOAD_TIMEOUT_MS = 10_000;

interface Wanted {
  readonly name: ListenerName;
  readonly place: ListenPlace;
}

/** Opens all of them or none. */
async function openAll(
  wanted: readonly Wanted[],
  passed: ReadonlyMap<ListenerName, number> = new Map(),
): Promise<readonly Listener[]> {
  const opened: Listener[] = [];
  try {
    for (const { name, place } of wanted) opened.push(await openListener(name, place, passed));
  } catch (error) {
    for (const listener of opened) listener.close();
    throw error;
  }
  return opened;
}

/** As in the table: HTTP first. */
function inOrder(listeners: readonly Listener[]): readonly Listener[] {
  return LISTENERS.flatMap((spec) => listeners.filter(({ name }) => name === spec.name));
}

async function tlsFor({ config, lanDir }: ServiceOptions): Promise<TlsPair | undefined> {
  return config().server.lan ? lanCertificate(lanDir, new Date()) : undefined;
}

function throwUnlessReady(result: GateResult, note = ""): void {
  if (result.ok) return;
  throw new GigasttError("GST_START_FAILED", `${describeFailure(result)}.${note === "" ? "" : ` ${note}`}`);
}
