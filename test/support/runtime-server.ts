import { join } from "node:path";
import type { JobPlace } from "../../src/store/jobs/place.ts";
import { createArchive } from "../../src/runtime/archive/service.ts";
import type { PostgresPlace } from "../../src/store/archive/postgres/link.ts";
import { createJobs } from "../../src/runtime/jobs/service.ts";
import type { ResolvedConfig } from "../../src/config/types.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import type { Engine } from "../../src/engine/contract.ts";
import { createRuntime } from "../../src/runtime/runtime.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { AskSupervisor } from "../../src/runtime/lifecycle/supervisor-link.ts";
import type { Timing } from "../../src/runtime/context.ts";
import type { Clock } from "../../src/shared/time/clock.ts";
import { createLogger } from "../../src/shared/log.ts";
import type { KeyStore } from "../../src/store/keys.ts";
import { createPacedEngine } from "./paced-engine.ts";

/** Some keys of some sections. */
export type ConfigChanges = { readonly [S in keyof ResolvedConfig]?: Partial<ResolvedConfig[S]> };

export interface TestServer {
  readonly runtime: Runtime;
  readonly port: number;
  readonly url: string;
  readonly engine: Engine;
  /** Log lines written so far. */
  readonly lines: Record<string, unknown>[];
  close(): Promise<void>;
}

export function configWith(changes: ConfigChanges = {}): ResolvedConfig {
  const sections = Object.entries(defaultConfig).map(([name, section]) => [
    name,
    { ...section, ...changes[name as keyof ResolvedConfig] }, // the names come from the configuration itself
  ]);
  return Object.fromEntries(sections) as ResolvedConfig; // same sections, same keys
}

/** A real server on a free port of 127.0.0.1, or of another address. */
export async function startTestServer(
  options: {
    config?: ConfigChanges;
    engine?: Engine;
    timing?: Partial<Timing>;
    clock?: Clock;
    keyStore?: KeyStore;
    /** A supervisor that answers. */
    askSupervisor?: AskSupervisor;
    start?: boolean;
    host?: string;
    /** Folder of the jobs; they are on with it. */
    jobsDir?: string;
    /** Instead of files in that folder. */
    jobsPlace?: Partial<JobPlace>;
    /** Folder of the archive; it is on with it. */
    archiveDir?: string;
    /** Instead of a file in it. */
    archivePostgres?: PostgresPlace;
  } = {},
): Promise<TestServer> {
  const lines: Record<string, unknown>[] = [];
  const engine = options.engine ?? createPacedEngine();
  const runtime = createRuntime({
    config: configWith(options.config),
    engine,
    ...(options.jobsDir === undefined
      ? {}
      : {
          jobs: createJobs({
            dir: options.jobsDir,
            databaseFile: join(options.jobsDir, "jobs.sqlite"),
            audioDir: join(options.jobsDir, "audio"),
            ...options.jobsPlace,
          }),
        }),
    ...(options.archiveDir === undefined
      ? {}
      : {
          archive: createArchive({
            dir: options.archiveDir,
            databaseFile: join(options.archiveDir, "archive.sqlite"),
            postgres: options.archivePostgres,
          }),
        }),
    version: "0.0.0-test",
    log: createLogger({
      level: "debug",
      stream: { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }, // our own JSON
    }),
    keyStore: options.keyStore,
    askSupervisor: options.askSupervisor,
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  const { port } = await runtime.listen({ host: options.host ?? "127.0.0.1", port: 0 });
  if (options.start !== false) await runtime.start();
  return {
    runtime,
    port,
    url: `http://127.0.0.1:${port}`,
    engine,
    lines,
    close: async () => {
      const report = runtime.drain.begin("test");
      runtime.drain.expedite();
      await report;
      runtime.release();
    },
  };
}
