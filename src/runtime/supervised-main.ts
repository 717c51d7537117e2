import type { ResolvedConfig } from "../config/types.ts";
import { inheritedSockets } from "../shared/process/listen-fds.ts";
import { LISTENERS } from "../shared/listeners.ts";
import { createLogger } from "../shared/log.ts";
import type { TlsPair } from "../shared/process/messages.ts";
import { createControlChannel } from "./lifecycle/control-channel.ts";
import { serve } from "./lifecycle/serve.ts";

/**
 * Entry of the supervised runtime: the configuration comes as the first IPC message, the listening sockets as descriptors (`LISTEN_FDS`, `LISTEN_FDNAMES`).
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
  const passed = inheritedSockets(process.env, process.pid);
  const listenFds = new Map(
    LISTENERS.flatMap(({ name }) =>
      passed.filter((socket) => socket.name === name).map(({ fd }) => [name, fd] as const),
    ),
  );
  process.exitCode = await serve({
    config,
    log,
    control,
    signals: process,
    env: process.env,
    loadFirst,
    tls,
    listenFds,
  });
  await log.flush();
}

main();
