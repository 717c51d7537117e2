import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError } from "../../shared/errors.ts";
import type { KeptFile } from "../config/rendered-set.ts";
import { readIntact } from "../config/rendered-set.ts";
import { describeFailure } from "../process/instance.ts";
import type { Instance } from "../process/instance.ts";
import type { ProcessSnapshot, StopOutcome } from "../process/process-state.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import type { CompanionTrouble } from "../status/issues.ts";
import { reloadCaddy } from "./caddy-reload.ts";
import { createCompanion } from "./companion.ts";
import type { CompanionOptions } from "./companion.ts";
import type { ProxyPlace } from "./proxy-build.ts";
import { editedTrouble, prepareProxy } from "./proxy-files.ts";
import type { Prepared, ProxyFilesOptions, RenderHow } from "./proxy-files.ts";
import { createProxyProcess } from "./proxy-process.ts";
import { proxyTrouble } from "./proxy-trouble.ts";
import type { RunningProgram } from "./replaced-programs.ts";
import { sleep } from "../../shared/time/timers.ts";

/** The managed Caddy or nginx in front of the runtime. */
export interface ManagedProxy {
  snapshots(): readonly ProcessSnapshot[];
  troubles(): readonly CompanionTrouble[];
  programs(): readonly RunningProgram[];
  /** When the certificate that it serves ends, Unix milliseconds; undefined = none seen. */
  certificateEndMs(): number | undefined;
  /** The address clients use, when we run the proxy. */
  publicUrl(): string | undefined;
  /** After the runtime. Never throws: the runtime serves without its proxy, and status says what is wrong. */
  start(loaded: LoadedConfig): Promise<void>;
  /** Renders its files; see `prepareProxy`. */
  prepare(loaded: LoadedConfig, how: RenderHow): Promise<Prepared>;
  /** What following it would mean for the process. */
  planned(prepared: Prepared): "start" | "stop" | "reload" | undefined;
  /** Whether a configuration the proxy cannot follow has to be refused: only when that would take a working proxy away. */
  mustFollow(before: ResolvedConfig): boolean;
  /** Its rendered files as they are now, for a generation. */
  keptFiles(loaded: LoadedConfig): Promise<readonly KeptFile[]>;
  /** Brings the process in line with the configuration in force now. Throws when the proxy does not take it over. */
  follow(prepared: Prepared, progress: (text: string) => void): Promise<void>;
  /** After a reload that failed, with the old configuration in force again: its files and process too. Never throws. */
  goBack(before: LoadedConfig, prepared: Prepared): Promise<void>;
  /** Tries a start again at once that waits or was given up. */
  retry(loaded: LoadedConfig): Promise<void>;
  runtimeIs(pid: number | undefined): void;
  /**
   * Its part of a stop. nginx takes no new connections from now on and ends when the runtime has ended the last one; Caddy would
   * cut live sessions, so it goes after the runtime.
   */
  stop(runtimeStopped: Promise<unknown>, options: { readonly now: boolean }): Promise<StopOutcome>;
  killNow(): void;
}

export function createProxy(
  options: CompanionOptions & ProxyFilesOptions & { readonly runtimeReady: () => boolean },
): ManagedProxy {
  const { config, env } = options;
  let place: ProxyPlace | undefined;
  /** When it last read certificates and files. */
  let readFilesAtMs = 0;
  const front = createProxyProcess({
    ...options,
    place: () => {
      if (place === undefined) throw new Error("the proxy's folder is not set yet");
      return place;
    },
  });
  const companion = createCompanion(front.definition, options);
  const { process } = companion;
  const isManaged = (): boolean => config().supervisor.proxy.managed;
  const isThere = (): boolean => process.instances().length > 0;

  const take = (next: ProxyPlace | undefined): void => {
    place = next;
    readFilesAtMs = Date.now();
  };

  const troubles = (): readonly CompanionTrouble[] => {
    const said = process.state !== "ready" && process.current !== undefined;
    const found = said ? proxyTrouble(front.lastLines(30), config()) : undefined;
    return [companion.trouble, found].filter((trouble) => trouble !== undefined);
  };

  const prepare = async (loaded: LoadedConfig, how: RenderHow): Promise<Prepared> => {
    const prepared = await prepareProxy(loaded, how, options);
    if (how.write && prepared.place !== undefined) companion.trouble = editedTrouble(prepared);
    return prepared;
  };

  const start = async (loaded: LoadedConfig): Promise<void> => {
    if (!loaded.config.supervisor.proxy.managed) return;
    await companion.attempt(async () => {
      const prepared = await prepare(loaded, { write: true });
      take(prepared.place);
      if (!companion.isStopping) await process.keep();
    });
  };

  /** nginx changes over in the background: asks until it answers as configured. Undefined when it does, else what it said last. */
  const answers = async (instance: Instance): Promise<string | undefined> => {
    const deadline = performance.now() + RELOAD_CONFIRM_MS;
    for (;;) {
      const answer = await front.definition.gate(instance, false);
      if (answer.ok) return undefined;
      if (performance.now() > deadline || instance.end() !== undefined) return answer.text;
      await sleep(200);
    }
  };

  const reload = async (progress: (text: string) => void): Promise<void> => {
    const { current } = process;
    if (current === undefined || place === undefined) return;
    progress(`reloading ${place.kind}`);
    if (place.kind === "nginx") current.child.signal("SIGHUP");
    else {
      const refused = await reloadCaddy(place, env);
      if (refused !== undefined)
        throw new GigasttError("GST_PROXY_CONFIG", `caddy did not take the new files over: ${refused}`);
    }
    readFilesAtMs = Date.now();
    const answer = await answers(current);
    if (answer !== undefined)
      throw new GigasttError("GST_PROXY_CONFIG", `${place.kind} does not answer with the new files: ${answer}`);
    options.emit({ level: "info", event: "proxy_reloaded", process: "proxy", pid: current.child.pid });
  };

  return {
    snapshots: () => (isManaged() || isThere() ? [process.snapshot()] : []),
    troubles,
    programs: () => companion.program(place?.binary ?? ""),
    certificateEndMs: () => (isManaged() ? front.certificateEndMs() : undefined),
    publicUrl: () => (isManaged() ? publicUrl(config()) : undefined),
    start,
    prepare,
    planned: ({ answer, place: next }) => {
      const runs = process.state !== "stopped";
      if (next === undefined) return runs ? "stop" : undefined;
      if (!runs || hasMoved(place, next)) return "start";
      return answer?.changed === true ? "reload" : undefined;
    },
    mustFollow: (before) => !before.supervisor.proxy.managed || process.state === "ready",
    keptFiles: async (loaded) =>
      place === undefined || !loaded.config.supervisor.proxy.managed ? [] : readIntact(place.configDir),
    follow: async (prepared, progress) => {
      if (!isManaged()) {
        if (process.state !== "stopped") {
          progress("stopping the proxy");
          await process.stop();
        }
        companion.trouble = undefined;
        return;
      }
      // It cannot be prepared, and did not run before: a trouble that status shows, not one of this change.
      if (prepared.place === undefined) return;
      if (process.state === "ready" && !hasMoved(place, prepared.place)) {
        if (prepared.answer?.changed === true || (await certificatesChangedSince(readFilesAtMs, config())))
          await reload(progress);
        return;
      }
      progress(`starting ${prepared.place.kind}`);
      // With the definition of the old kind: it knows how that one stops.
      if (isThere()) await process.stop();
      take(prepared.place);
      const result = await process.keep();
      if (result.ok) return;
      const [trouble] = troubles();
      throw new GigasttError("GST_START_FAILED", trouble?.text ?? describeFailure(result, "the proxy"));
    },
    goBack: async (before, { answer: files, place: rendered }) => {
      const { kind } = before.config.deploy.proxy;
      if (files?.changed === true && rendered !== undefined && rendered.kind === kind) {
        for (const { path, text } of files.before) await writeFileAtomic(join(rendered.configDir, path), text);
        if (process.state === "ready" && files.before.length > 0) await reload(() => {}).catch(() => {});
      }
      if (process.state === "ready" && place?.kind === kind) return;
      if (place !== undefined) await process.stop();
      await start(before);
    },
    retry: async (loaded) => {
      if (!isManaged() || process.state === "ready") return;
      if (isThere()) await process.stop();
      await start(loaded);
    },
    runtimeIs: (pid) => front.runtimeIs(pid),
    stop: async (runtimeStopped, how) => {
      companion.isStopping = true;
      // Never started: there is nothing that could be asked.
      if (place === undefined) return { clean: true, end: undefined };
      if (!how.now && place.kind !== "nginx") await runtimeStopped;
      return process.stop(how);
    },
    killNow: () => process.killNow(),
  };
}

// ---

const RELOAD_CONFIRM_MS = 8000;

function hasMoved(from: ProxyPlace | undefined, to: ProxyPlace): boolean {
  return from?.kind !== to.kind || from.binary !== to.binary;
}

function publicUrl({ deploy }: ResolvedConfig): string {
  const https = deploy.tls.mode !== "none";
  const port = https ? deploy.httpsPort : deploy.httpPort;
  return `${https ? "https" : "http"}://${deploy.domain ?? "localhost"}${port === (https ? 443 : 80) ? "" : `:${port}`}`;
}

/** Renewed certificates keep their names: the proxy learns of them only by a reload. */
async function certificatesChangedSince(ms: number, { deploy: { tls } }: ResolvedConfig): Promise<boolean> {
  if (tls.mode === "none") return false;
  const times = await Promise.all(
    [tls.certificateFile, tls.privateKeyFile, tls.clientCaFile].map((path) =>
      stat(path).then(
        (found) => found.mtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.max(...times) > ms;
}
