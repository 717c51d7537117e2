import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { Prepared } from "../companions/proxy-files.ts";
import { keptSet, renderSet } from "../helpers/render-set.ts";
import { planChange } from "./diff.ts";
import type { ConfigChange, ConfigPlan, ReloadEffect } from "./diff.ts";
import type { EventSink } from "../logs/events.ts";
import { keepGeneration, listGenerations } from "./generations.ts";
import type { Generation, KeptSets } from "./generations.ts";
import { findRollback, writeRollback } from "./rollback.ts";
import type { RollbackTarget } from "./rollback.ts";
import type { Issue, IssueFacts } from "../status/issues.ts";
import type { RestartOutcome } from "../runtime/service.ts";
import type { ConfigCell, Parts, SupervisorOptions } from "../parts.ts";

/** What a reload would do. */
export interface ReloadPlan extends ConfigPlan {
  /** Files of `gigastt render` that would be written. */
  readonly files?: readonly string[];
  /** What the managed proxy would have to do. */
  readonly proxy?: "start" | "stop" | "reload";
}

/** What a reload did. */
export interface ReloadOutcome {
  readonly effect: ReloadEffect;
  readonly changes: readonly ConfigChange[];
  readonly hash: string;
}

export type Progress = (text: string) => void;

/** The configuration of the running service: from the file into force, and back. One call at a time. */
export interface ConfigChanges {
  /** Why the configuration on disk is not the one that runs. */
  readonly configTrouble: IssueFacts["configTrouble"];
  /** Why the set of `gigastt render` did not follow the last change. */
  readonly setTrouble: Issue | undefined;
  /** What a reload would do now. Changes nothing. Throws ConfigError when the new configuration is not usable. */
  plan(): Promise<ReloadPlan>;
  /** Reads the file again and applies what changed; an invalid one changes nothing. */
  reload(progress: Progress): Promise<ReloadOutcome>;
  /** Takes over what is on disk, with a new process whether the configuration changed or not: its code or model may have. */
  upgrade(progress: Progress): Promise<RestartOutcome>;
  /**
   * Goes back to the last configuration that was healthy: the running one while the file holds another that was not taken
   * over, else the one before it. `written`: the file holds that generation already.
   */
  rollback(progress: Progress, written?: number): Promise<ReloadOutcome>;
  /** What `rollback` would put back now. */
  rollbackTarget(): Promise<RollbackTarget>;
  /** Keeps the running configuration as one to go back to. */
  keepAsGood(): Promise<void>;
  /** The file at `path` changed and is not applied by itself (`supervisor.watchConfig` is off). */
  noteChange(path: string): Promise<void>;
}

export interface ConfigChangesOptions {
  readonly options: Pick<SupervisorOptions, "load" | "paths" | "version" | "readVersion" | "env">;
  readonly parts: Pick<Parts, "service" | "proxy" | "redis" | "upkeep">;
  readonly cell: ConfigCell;
  readonly emit: EventSink;
}

interface How {
  readonly progress: Progress;
  /** Rendered files to put back byte for byte; undefined: render. */
  readonly kept: KeptSets | undefined;
}

export function createConfigChanges({ options, parts, cell, emit }: ConfigChangesOptions): ConfigChanges {
  const { service, proxy, redis, upkeep } = parts;
  const { generationsDir } = options.paths;
  let configTrouble: IssueFacts["configTrouble"];
  let setTrouble: Issue | undefined;
  const renderer = (): { readonly toolVersion: string; readonly env: NodeJS.ProcessEnv } => ({
    toolVersion: options.readVersion?.() ?? options.version,
    env: options.env,
  });

  async function plan(): Promise<ReloadPlan> {
    const next = await options.load();
    const [prepared, set] = await Promise.all([
      proxy.prepare(next, { write: false }),
      renderSet(next, { write: false }, renderer()),
    ]);
    const files = (set?.changed ?? []).map((path) => join(set?.dir ?? "", path));
    const planned = proxy.planned(prepared);
    return {
      ...planChange(cell.loaded.config, next.config),
      ...(files.length === 0 ? {} : { files }),
      ...(planned === undefined ? {} : { proxy: planned }),
    };
  }

  async function reload(how: How): Promise<ReloadOutcome> {
    const before = cell.loaded;
    try {
      const next = await options.load();
      const change = planChange(before.config, next.config);
      await apply(before, next, change, how);
      configTrouble = undefined;
      await followSet(next, how);
      await keepAsGood();
      if (change.effect !== "none")
        emit({
          level: "info",
          event: "reloaded",
          effect: change.effect,
          keys: change.changes.map(({ key }) => key),
        });
      return { effect: change.effect, changes: change.changes, hash: next.hash };
    } catch (error) {
      const code = error instanceof GigasttError ? error.code : "GST_INTERNAL";
      const id =
        code === "GST_CONFIG" ? "config_invalid" : code === "GST_RELOAD_MANUAL" ? "restart_pending" : "config_changed";
      configTrouble = { id, text: messageOf(error) };
      emit({ level: "error", event: "reload_failed", code, reason: messageOf(error) });
      throw error;
    }
  }

  async function upgrade(progress: Progress): Promise<RestartOutcome> {
    const before = cell.loaded;
    const next = await options.load();
    const change = planChange(before.config, next.config);
    // New code or a new model under the same configuration needs a new process all the same.
    const effect = change.effect === "none" || change.effect === "live" ? "handover" : change.effect;
    const how = { progress, kept: undefined };
    const outcome = await apply(before, next, { ...change, effect }, how);
    await followSet(next, how);
    await keepAsGood();
    return { mode: "start", why: undefined, pid: undefined, tookMs: 0, ...outcome };
  }

  function rollbackTarget(): Promise<RollbackTarget> {
    return listGenerations(generationsDir).then((all) => findRollback(all, cell.loaded.path, cell.loaded));
  }

  async function rollback(progress: Progress, written: number | undefined): Promise<ReloadOutcome> {
    const generation =
      written === undefined ? await goBack(progress) : (await listGenerations(generationsDir)).find(byNumber(written));
    if (generation === undefined)
      throw new GigasttError("GST_NO_GENERATION", `there is no generation ${written} to go back to`);
    const outcome = await reload({ progress, kept: generation.kept });
    const { at, number } = generation;
    emit({ level: "warn", event: "rolled_back", to: at, generation: number, effect: outcome.effect });
    return outcome;
  }

  async function goBack(progress: Progress): Promise<Generation> {
    const target = await rollbackTarget();
    progress(`going back to the configuration of ${target.generation.at}`);
    await writeRollback(target);
    return target.generation;
  }

  async function keepAsGood(): Promise<void> {
    const { hash, path, source } = cell.loaded;
    try {
      const [proxyFiles, set] = await Promise.all([proxy.keptFiles(cell.loaded), keptSet(cell.loaded)]);
      const kept = { proxy: proxyFiles, set };
      await keepGeneration(generationsDir, { version: options.version, hash, path, source, kept });
    } catch (error) {
      emit({ level: "warn", event: "state_write_failed", file: generationsDir, err: error });
    }
  }

  /** A reload may have been quicker than the look at the file: then nothing is left to apply. */
  async function noteChange(path: string): Promise<void> {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === cell.loaded.source) return;
    configTrouble ??= {
      id: "config_changed",
      text: `${path} changed and is not applied (supervisor.watchConfig is off)`,
    };
  }

  // --- into force

  async function apply(
    before: LoadedConfig,
    next: LoadedConfig,
    change: ConfigPlan,
    { progress, kept }: How,
  ): Promise<RestartOutcome | undefined> {
    refuseManual(change);
    for (const one of change.changes)
      progress(`${one.key}: ${JSON.stringify(one.before)} → ${JSON.stringify(one.after)} (${one.class})`);
    // Before anything else: files that the proxy refuses change nothing.
    const must = proxy.mustFollow(before.config);
    const prepared: Prepared = await proxy.prepare(next, { write: true, kept }).catch((error: unknown) => {
      if (must) throw error;
      return { answer: undefined, place: undefined };
    });
    const live = change.effect === "live" && service.process.state === "ready";
    try {
      if (live) await takeOverLive(next.config);
      take(next);
      let outcome: RestartOutcome | undefined;
      if (change.effect === "restart" && service.process.state !== "stopped") outcome = await service.rebind(progress);
      else if (change.effect !== "none" && !live) outcome = await service.restart(progress);
      await redis.follow(before.config);
      await proxy.follow(prepared, progress).catch((error: unknown) => {
        if (must) throw error;
      });
      return outcome;
    } catch (error) {
      take(before);
      const refused = error instanceof GigasttError && error.code === "GST_RELOAD_REFUSED";
      if (!refused) progress("the new configuration is not healthy: back to the old one");
      if (live && !refused) await takeOverLive(before.config).catch(() => {});
      if (service.process.state !== "ready") await recoverOld(progress);
      await proxy.goBack(before, prepared);
      if (!refused) emit({ level: "error", event: "rolled_back", effect: change.effect, reason: messageOf(error) });
      throw error;
    }
  }

  function take(loaded: LoadedConfig): void {
    cell.loaded = loaded;
    cell.loadedAt = new Date().toISOString();
  }

  async function takeOverLive(config: ResolvedConfig): Promise<void> {
    const refused = await service.reload(config);
    if (refused === undefined) return;
    throw new GigasttError(
      "GST_RELOAD_REFUSED",
      `the runtime did not take the new configuration over: ${refused}. The old one stays in use`,
    );
  }

  /** The old runtime is gone (drained first, or the address changed): start it again with the old configuration. */
  async function recoverOld(progress: Progress): Promise<void> {
    if (!service.isInPlace)
      await service
        .rebind(progress)
        .catch((error: unknown) => emit({ level: "error", event: "start_failed", reason: messageOf(error) }));
    else await service.start();
  }

  /** After everything else went well: files for programs that others run are never a reason to go back. */
  async function followSet(loaded: LoadedConfig, { progress, kept }: How): Promise<void> {
    setTrouble = undefined;
    try {
      const set = await renderSet(loaded, { write: true, kept }, renderer());
      for (const path of set?.changed ?? []) progress(`rendered ${join(set?.dir ?? "", path)}`);
      if (set?.failed !== undefined) throw new GigasttError("GST_RENDER", set.failed);
    } catch (error) {
      setTrouble = {
        id: "rendered_failed",
        severity: "warning",
        text: `the rendered files do not follow the configuration: ${messageOf(error)}`,
        cure: "gigastt render",
      };
      progress(setTrouble.text);
    }
    await upkeep.look();
  }

  return {
    get configTrouble() {
      return configTrouble;
    },
    get setTrouble() {
      return setTrouble;
    },
    plan,
    reload: (progress) => reload({ progress, kept: undefined }),
    upgrade,
    rollback: (progress, written) => rollback(progress, written),
    rollbackTarget,
    keepAsGood,
    noteChange,
  };
}

// ---

function byNumber(number: number): (one: Generation) => boolean {
  return (one) => one.number === number;
}

function refuseManual(plan: ConfigPlan): void {
  if (plan.effect !== "manual") return;
  throw new GigasttError(
    "GST_RELOAD_MANUAL",
    "supervisor.stateDir cannot change while the supervisor lives in it: gigastt down && gigastt up",
  );
}
