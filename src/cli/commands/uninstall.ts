import { spawnSync } from "node:child_process";
import { rm, stat } from "node:fs/promises";
import { modelsDir, optimizedDir } from "../../models/paths.ts";
import { GigasttError } from "../../shared/errors.ts";
import { callControl } from "../../supervisor/control-client.ts";
import type { Command } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { configuredStatePaths, STATE_FLAGS } from "../state.ts";
import { servicePlan } from "./install-service.ts";

export const command: Command = {
  summary: "Stop gigastt and remove what it keeps on this machine",
  flags: {
    ...STATE_FLAGS,
    yes: { type: "boolean", short: "y", describe: "do it; without it only the list is shown" },
    models: { type: "boolean", describe: "also remove downloaded models" },
  },
  help: "Removes the service, the state folder with logs and history, the optimized copies of models, and with --models the models. It leaves the configuration, the secrets and this program, and names them.",
  run: async (context) => {
    const { flags, stdout } = context;
    const loaded = await loadCliConfig(context, { quiet: true });
    const paths = configuredStatePaths(loaded.config.supervisor.stateDir, context);
    const plan = await servicePlan(context);
    const service = await existing(plan.files.map((file) => file.path));
    const doomed = await existing([
      paths.dir,
      ...(flags["models"] === true
        ? [modelsDir(loaded.config.model.dir, context.env)]
        : [optimizedDir(loaded.config.model.dir, context.env)]),
    ]);
    if (flags["yes"] !== true) {
      for (const path of [...service, ...doomed]) stdout.write(`would remove ${path}\n`);
      stdout.write("nothing was done: add --yes to do it\n");
      return 0;
    }
    if (service.length > 0) for (const [file = "", ...args] of plan.undo) spawnSync(file, args, { stdio: "ignore" });
    await stopRunning(paths.controlSocket, context.signal);
    for (const path of [...service, ...doomed]) {
      await rm(path, { recursive: true, force: true });
      stdout.write(`removed ${path}\n`);
    }
    if (service.length > 0) spawnSync("systemctl", ["daemon-reload"], { stdio: "ignore" });
    const left = await existing([
      loaded.path ?? "",
      loaded.config.deploy.secretsDir,
      ...(flags["models"] === true ? [] : [modelsDir(loaded.config.model.dir, context.env)]),
    ]);
    for (const path of left) stdout.write(`left ${path}\n`);
    return 0;
  },
};

// ---

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => (path !== "" && (await stat(path).catch(() => undefined)) !== undefined ? [path] : [])),
  );
  return found.flat();
}

async function stopRunning(socket: string, signal: AbortSignal): Promise<void> {
  try {
    await callControl({ socket, cmd: "down", timeoutMs: 15 * 60_000, signal });
    await new Promise((resolve) => setTimeout(resolve, 300));
  } catch (error) {
    if (!(error instanceof GigasttError) || error.code !== "GST_NOT_RUNNING") throw error;
  }
}
