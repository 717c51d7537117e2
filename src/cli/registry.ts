import type { Command } from "./command.ts";

/** Every top-level command with its one-line summary; its code is loaded only when it runs. */
export const registry: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  bench: {
    summary: "Measure what this machine can do",
    load: async () => (await import("./commands/bench.ts")).command,
  },
  config: {
    summary: "Check, show and explain the configuration",
    load: async () => (await import("./commands/config.ts")).command,
  },
  models: {
    summary: "List, download, check and make models",
    load: async () => (await import("./commands/models.ts")).command,
  },
};
