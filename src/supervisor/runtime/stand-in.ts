import { fileURLToPath } from "node:url";
import type { ListenerName } from "../../shared/listeners.ts";
import { entryFile, installationRoot } from "../../shared/process/entry.ts";
import type { TlsPair } from "../../shared/process/messages.ts";
import { startChild } from "../process/child.ts";
import type { Child } from "../process/child.ts";
import type { Listener } from "./listener.ts";

/** What the stand-in receives once it runs; not by its environment, which shows in /proc, because the key is in it. */
export interface StandInOrder {
  /** The listeners, in the order of their descriptors. */
  readonly names: readonly ListenerName[];
  readonly retryAfterS: number;
  /** What the socket speaks TLS with; undefined = it does not. */
  readonly tls: TlsPair | undefined;
}

/** In a crash loop a small process answers 503, because no other process accepts the connections that the kernel queues. */
export interface StandIn {
  begin(order: Omit<StandInOrder, "names"> & { readonly listeners: readonly Listener[] }): void;
  end(): void;
  /** Resolves when none is left. */
  gone(): Promise<void>;
}

export function createStandIn(env: NodeJS.ProcessEnv): StandIn {
  let running: Promise<Child | undefined> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    begin: ({ listeners, ...order }) => {
      running ??= startChild(
        {
          file: process.execPath,
          args: [fileURLToPath(entryFile("supervisor/runtime/stand-in-main"))],
          env,
          cwd: fileURLToPath(installationRoot()),
          listenFds: listeners,
          ipc: true,
        },
        { onLine: () => {}, onMessage: () => {} },
      ).then(
        (child) => {
          void child.send({ ...order, names: listeners.map(({ name }) => name) } satisfies StandInOrder);
          return child;
        },
        // No process to be had: then clients wait in the queue, and the next try of the runtime may serve them.
        () => undefined,
      );
    },
    end: () => {
      if (running === undefined) return;
      last = running.then((child) => {
        child?.kill();
        return child?.exited;
      });
      running = undefined;
    },
    gone: async () => void (await last),
  };
}
