import type { ResolvedConfig } from "../config/types.ts";
import { FIRST_LISTEN_FD, inheritedSockets } from "../shared/listen-fds.ts";
import { createLogger } from "../shared/log.ts";
import type { TlsPair } from "../shared/messages.ts";
import { createControlChannel } from "./lifecycle/control-channel.ts";
import { serve } from "./lifecycle/serve.ts";

/**
 * Entry of the supervised runtime: the configuration comes as the first IPC message, the listening socket as descriptor 3 (`LISTEN_FDS=1`).
 * When the supervisor dies the channel closes: before the start that ends the process, after it the drain does.
 */
function main(): void {
  const control = createControlChannel(process);
  let started = false;
  control.onMessage((message) => {
    if (message.type !== "start" || started) return;
    started = true;
    // The supervisor validated and resolved it; JSON only turned `undefined` into absent keys, which read the same.
    void run(message.config as ResolvedConfig, control, message.handover === true, message.tls);
  });
  control.onDisconnect(() => {
    if (!started) process.exitCode = 1;
  });
}

async function run(
  config: ResolvedConfig,
  control: ReturnType<typeof createControlChannel>,
  loadFirst: boolean,
  tls: TlsPair | undefined,
): Promise<void> {
  const log = createLogger({ level: config.log.level });
  const listenFd = inheritedSockets(process.env, process.pid) > 0 ? FIRST_LISTEN_FD : undefined;
  process.exitCode = await serve({
    config,
    log,
    control,
    signals: process,
    env: process.env,
    loadFirst,
    tls,
    ...(listenFd === undefined ? {} : { listenFd }),
  });
  await log.flush();
}

main();
