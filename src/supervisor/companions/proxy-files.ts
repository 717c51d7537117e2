import { join, dirname } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError } from "../../shared/errors.ts";
import { shellWord } from "../../shared/text/shell-word.ts";
import type { KeptSets } from "../config/generations.ts";
import { renderInHelper } from "../helpers/render.ts";
import type { ProxyAnswer } from "../helpers/render.ts";
import type { StatePaths } from "../state/state-dir.ts";
import type { CompanionTrouble } from "../status/issues.ts";
import { findProgram } from "./find-program.ts";
import type { ProxyPlace } from "./proxy-build.ts";

/** How rendered files are to be brought up to date. */
export interface RenderHow {
  /** False: only say what would change. */
  readonly write: boolean;
  /** Bytes to put back in place of what would be rendered. */
  readonly kept?: KeptSets | undefined;
}

/** What was rendered for a configuration, before the proxy is asked to use it. */
export interface Prepared {
  readonly answer: ProxyAnswer | undefined;
  readonly place: ProxyPlace | undefined;
}

export interface ProxyFilesOptions {
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: () => string;
  /** Port the runtime is reached at under a configuration. */
  readonly upstreamPort: (config: ResolvedConfig) => number;
}

/**
 * Renders the managed proxy's files for a configuration. `write: false` only finds out. Throws when it cannot be rendered, or
 * the proxy refuses it; then the old files are in place.
 */
export async function prepareProxy(
  { config, hash }: LoadedConfig,
  how: RenderHow,
  options: ProxyFilesOptions,
): Promise<Prepared> {
  if (!config.supervisor.proxy.managed) return { answer: undefined, place: undefined };
  const { paths, env } = options;
  const place = await proxyPlace(config, options);
  const dir = proxyDir(paths.dir);
  const { proxy: answer } = await renderInHelper({
    config,
    source: { toolVersion: options.version(), configHash: hash },
    write: how.write,
    env,
    kept: how.kept,
    proxy: {
      place,
      render: {
        configDir: place.configDir,
        tempDir: join(dir, "tmp"),
        adminSocket: join(dirname(paths.controlSocket), "caddy.sock"),
        pidFile: join(dir, "nginx.pid"),
        root: process.getuid?.() === 0,
      },
      upstreamPort: options.upstreamPort(config),
    },
    setDir: undefined,
  });
  // The first start with refused files says so itself, with the proxy's own words.
  if (answer?.refused !== undefined && answer.before.length > 0) {
    throw new GigasttError(
      "GST_PROXY_CONFIG",
      `${place.kind} refuses the rendered files: ${answer.refused}. The old files stay in use`,
    );
  }
  return { answer, place };
}

/** What to tell about files that were edited by hand: the proxy runs with them. */
export function editedTrouble({ answer, place }: Prepared): CompanionTrouble | undefined {
  const [first] = answer?.edited ?? [];
  if (first === undefined || place === undefined) return undefined;
  const path = join(place.configDir, first);
  return {
    id: "rendered_edited",
    text: `${path} was edited by hand: the proxy runs with it, and it does not follow the configuration`,
    cure: `rm ${shellWord(path)} && gigastt reload`,
  };
}

// ---

/** Everything of the managed proxy: rendered files, its temporary files, certificates. */
function proxyDir(stateDir: string): string {
  return join(stateDir, "proxy");
}

async function proxyPlace(config: ResolvedConfig, { paths, env }: ProxyFilesOptions): Promise<ProxyPlace> {
  const { kind } = config.deploy.proxy;
  // The configuration's own rule refuses that.
  if (kind !== "caddy" && kind !== "nginx")
    throw new GigasttError("GST_PROXY_CONFIG", `deploy.proxy.kind is ${kind}: there is no proxy to run`);
  const binary = await findProgram(
    { binary: config.supervisor.proxy.binary, names: [kind], key: "supervisor.proxy.binary" },
    env,
  );
  const dir = proxyDir(paths.dir);
  const configDir = join(dir, kind);
  return {
    kind,
    binary,
    configDir,
    mainFile: join(configDir, kind === "caddy" ? "Caddyfile" : "nginx.conf"),
    dataDir: join(dir, "data"),
  };
}
