import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { createLogger } from "../../shared/log.ts";
import type { TlsPair } from "../../shared/process/messages.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { listenersOf } from "../../config/listeners.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadCliConfig, SERVER_FLAGS } from "../load-config.ts";
import { configuredStatePaths } from "../state.ts";

export const command: Command = {
  summary: "Run the server alone in this process, for containers and service managers",
  topic: "run",
  rank: 2,
  flags: SERVER_FLAGS,
  help:
    "No supervisor: the orchestrator restarts it. Logs are JSON lines on standard output. It may be process 1 of a container.\n" +
    "SIGTERM or SIGINT drains, a second one stops at once. A socket passed by socket activation (LISTEN_FDS) is served instead of host and port.\n" +
    "Exit code: 0 drained, 1 failed, 2 configuration.",
  ownSignals: true,
  run: async (context) => {
    const { config } = await loadCliConfig(context);
    const log = createLogger({ level: config.log.level });
    // By file path: the CLI must not pull the runtime and ONNX in when another command runs.
    const runtime: unknown = await import(entryFile("runtime/lifecycle/serve").href);
    const { openListener, passedSockets } = await import("../../supervisor/runtime/listener.ts");
    const listenFds = new Map(passedSockets(context.env));
    // TCP addresses are bound by the server itself.
    for (const { name, place } of listenersOf(config))
      if ("socket" in place) listenFds.set(name, (await openListener(name, place, listenFds)).fd);
    const code: unknown = await callServe(runtime, {
      config,
      log,
      signals: process,
      env: context.env,
      listenFds,
      ...(config.server.lan ? { tls: await homeCertificate(config, context) } : {}),
    });
    await log.flush();
    return typeof code === "number" ? code : 1;
  },
};

// ---

/** The certificate that `gigastt up` uses too: devices that accepted it meet it again. */
async function homeCertificate({ supervisor }: ResolvedConfig, context: CommandContext): Promise<TlsPair> {
  const [{ lanCertificate }, { openStateDir }] = await Promise.all([
    import("../../supervisor/runtime/lan-certificate.ts"),
    import("../../supervisor/state/state-dir.ts"),
  ]);
  const paths = configuredStatePaths(supervisor.stateDir, context);
  await openStateDir(paths);
  return lanCertificate(paths.lanDir, new Date());
}

function callServe(runtime: unknown, options: object): unknown {
  const serve: unknown = typeof runtime === "object" && runtime !== null ? Reflect.get(runtime, "serve") : undefined;
  if (typeof serve !== "function") throw new GigasttError("GST_BUILD", "the build has no runtime: run `npm run build`");
  return Reflect.apply(serve, undefined, [options]);
}
