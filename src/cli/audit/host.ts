import { dirname, join } from "node:path";
import { collectHostFacts } from "../../checks/host/collect.ts";
import type { FileRole } from "../../checks/machine/modes.ts";
import { judgeHost } from "../../checks/host/run.ts";
import { realMachine } from "../machine.ts";
import { memoryNeed } from "../memory-need.ts";
import type { Judged } from "../../audit/observe/verdict.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { modelsDir } from "../../models/paths.ts";
import { watchedCertificates } from "../../render/deployed/certificates.ts";
import { proxyFileProblems } from "../../render/deployed/proxy.ts";
import { accessFileOf, secretsProblems } from "../../render/deployed/secrets.ts";
import { keysFile, storeDir } from "../../store/place.ts";
import { keepsKeysInVolume } from "../deploy/server-keys.ts";
import { statePaths } from "../../supervisor/state/state-dir.ts";
import { stateDirOf } from "../../shared/state-dir.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { listenersOf } from "../../config/listeners.ts";
import { certsFolder, outDir, secretsFolder } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";

const DEFAULT_UNIT = "gigastt.service";

export const HOST_FLAGS: Readonly<Record<string, FlagSpec>> = {
  unit: { type: "string", value: "NAME", describe: `systemd unit of the server; default ${DEFAULT_UNIT}` },
};

/** Collects the facts of this machine for the loaded configuration, and checks them. */
export async function judgeThisHost(
  context: CommandContext,
): Promise<{ readonly verdicts: readonly Judged[]; readonly configFile: string | undefined }> {
  const loaded = await loadCliConfig(context);
  const { config } = loaded;
  const { unit } = context.flags;
  const deployment = { config, deployDir: outDir(loaded, context.cwd, undefined), now: new Date() };
  const facts = await collectHostFacts({
    system: realMachine,
    unit: typeof unit === "string" ? unit : DEFAULT_UNIT,
    plan: {
      host: config.server.host,
      port: config.server.port,
      listeners: listenersOf(config).flatMap(({ spec, place }) =>
        "socket" in place ? [] : [{ section: spec.section, ...place }],
      ),
      memory: await memoryNeed(config, context.env),
    },
    paths: pathsOf(context, loaded),
    certificates: () => watchedCertificates(deployment),
    secrets: async () => (accessFileOf(deployment) === undefined ? undefined : secretsProblems(deployment)),
    proxyFiles: () => proxyFileProblems(deployment),
  });
  return { verdicts: judgeHost(facts), configFile: loaded.path };
}

// ---

function pathsOf(context: CommandContext, loaded: LoadedConfig): readonly { path: string; role: FileRole }[] {
  const { env, cwd } = context;
  const { config } = loaded;
  const state = statePaths(stateDirOf(config.supervisor.stateDir, env), env);
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
    ...(config.auth.keys === "required" && !keepsKeysInVolume(loaded)
      ? [storeDir(config, env), keysFile(storeDir(config, env))].map((path) => ({ path, role: "store" as const }))
      : []),
    { path: state.controlSocket, role: "socket" },
    { path: modelsDir(config.model.dir, env), role: "model" },
  ];
}
