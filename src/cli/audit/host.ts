import { dirname, join } from "node:path";
import { collectHostFacts } from "../../checks/host/collect.ts";
import type { FileRole } from "../../checks/host/facts.ts";
import { judgeHost } from "../../checks/host/run.ts";
import { realHost } from "../../checks/host/system.ts";
import type { Judged } from "../../audit/observe/verdict.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { installedModelMemory } from "../../models/memory.ts";
import { modelsDir } from "../../models/paths.ts";
import { derive } from "../../config/derived.ts";
import { watchedCertificates } from "../../supervisor/status/certificates.ts";
import { defaultStateDir, statePaths } from "../../supervisor/state/state-dir.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { certsFolder, outDir, secretsFolder } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";

const DEFAULT_UNIT = "gigastt.service";
const MIB = 2 ** 20;

export const HOST_FLAGS: Readonly<Record<string, FlagSpec>> = {
  unit: { type: "string", value: "NAME", describe: `systemd unit of the server; default ${DEFAULT_UNIT}` },
};

/** Collects the facts of this machine for the loaded configuration, and judges them. */
export async function judgeThisHost(
  context: CommandContext,
): Promise<{ readonly verdicts: readonly Judged[]; readonly configFile: string | undefined }> {
  const loaded = await loadCliConfig(context);
  const { config } = loaded;
  const { unit } = context.flags;
  const { serverMemoryMiB, unit: unitMemory } = derive(config, await installedModelMemory(config.model, context.env));
  const facts = await collectHostFacts({
    system: realHost,
    unit: typeof unit === "string" ? unit : DEFAULT_UNIT,
    plan: {
      host: config.server.host,
      port: config.server.port,
      serverBytes: serverMemoryMiB * MIB,
      memoryBytes: unitMemory.memoryMiB * MIB,
    },
    paths: pathsOf(context, loaded),
    certificates: async () =>
      watchedCertificates({ config, deployDir: outDir(loaded, context.cwd, undefined), now: new Date() }),
  });
  return { verdicts: judgeHost(facts), configFile: loaded.path };
}

// ---

function pathsOf(context: CommandContext, loaded: LoadedConfig): readonly { path: string; role: FileRole }[] {
  const { env, cwd } = context;
  const { config } = loaded;
  const state = statePaths(config.supervisor.stateDir ?? defaultStateDir(env), env);
  const { tls, proxy } = config.deploy;
  const behindProxy = proxy.kind !== "none";
  const secrets = secretsFolder(loaded, cwd, undefined);
  const certs = certsFolder(loaded, cwd, undefined);
  return [
    ...(loaded.path === undefined ? [] : [{ path: loaded.path, role: "config" as const }]),
    ...(behindProxy ? [{ path: secrets, role: "secret" as const }] : []),
    ...(behindProxy && (tls.mode === "files" || tls.mode === "internal")
      ? [
          {
            path: config.deploy.target === "compose" ? join(certs, "server.key") : tls.privateKeyFile,
            role: "private-key" as const,
          },
          { path: join(dirname(tls.certificateFile), "ca.key"), role: "private-key" as const },
        ]
      : []),
    { path: state.dir, role: "state" },
    { path: state.controlSocket, role: "socket" },
    { path: modelsDir(config.model.dir, env), role: "model" },
  ];
}
