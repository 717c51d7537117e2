import type { Command } from "./command.ts";

/** Every top-level command with its one-line summary; its code is loaded only when it runs. */
export const registry: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  up: {
    summary: "Run the server under the supervisor",
    load: async () => (await import("./commands/up.ts")).command,
  },
  serve: {
    summary: "Run the server alone in this process, for containers and service managers",
    load: async () => (await import("./commands/serve.ts")).command,
  },
  status: {
    summary: "Show what runs, how it is, and what to do about it",
    load: async () => (await import("./commands/status.ts")).command,
  },
  restart: {
    summary: "Replace the runtime without refusing a connection",
    load: async () => (await import("./commands/restart.ts")).command,
  },
  reload: {
    summary: "Apply the changed configuration to the running service",
    load: async () => (await import("./commands/reload.ts")).command,
  },
  plan: {
    summary: "Show what a reload would change, and how",
    load: async () => (await import("./commands/plan.ts")).command,
  },
  upgrade: {
    summary: "Take over new code, a new model or a new configuration from the disk",
    load: async () => (await import("./commands/upgrade.ts")).command,
  },
  rollback: {
    summary: "Go back to the last configuration that was healthy",
    load: async () => (await import("./commands/rollback.ts")).command,
  },
  logs: {
    summary: "Show the logs of the supervisor and what it runs",
    load: async () => (await import("./commands/logs.ts")).command,
  },
  down: {
    summary: "Drain and stop the running server and its supervisor",
    load: async () => (await import("./commands/down.ts")).command,
  },
  transcribe: {
    summary: "Recognise recordings here, without a server",
    load: async () => (await import("./commands/transcribe.ts")).command,
  },
  models: {
    summary: "List, download, check and make models",
    load: async () => (await import("./commands/models.ts")).command,
  },
  config: {
    summary: "Check, show and explain the configuration",
    load: async () => (await import("./commands/config.ts")).command,
  },
  render: {
    summary: "Write proxy files, manifests and units from the configuration",
    load: async () => (await import("./commands/render.ts")).command,
  },
  audit: {
    summary: "Find what is wrong in proxy, container and unit files, also across them",
    load: async () => (await import("./commands/audit.ts")).command,
  },
  certs: {
    summary: "A private CA, its server certificate, and client certificates",
    load: async () => (await import("./commands/certs.ts")).command,
  },
  verify: {
    summary: "Prove a deployment from outside",
    load: async () => (await import("./commands/verify.ts")).command,
  },
  init: {
    summary: "Set up a deployment, question by question or by flags",
    load: async () => (await import("./commands/init.ts")).command,
  },
  secrets: {
    summary: "Users with passwords and API keys, checked by the proxy",
    load: async () => (await import("./commands/secrets.ts")).command,
  },
  doctor: {
    summary: "Check this machine and installation, with the cure for each problem",
    load: async () => (await import("./commands/doctor.ts")).command,
  },
  bench: {
    summary: "Measure what this machine can do",
    load: async () => (await import("./commands/bench.ts")).command,
  },
  completions: {
    summary: "Print the completion script of a shell",
    load: async () => (await import("./commands/completions.ts")).command,
  },
  backup: {
    summary: "Save configuration, secrets and state into one encrypted file",
    load: async () => (await import("./commands/backup.ts")).command,
  },
  restore: {
    summary: "Put a backup back",
    load: async () => (await import("./commands/restore.ts")).command,
  },
  "install-service": {
    summary: "Install gigastt as a service that starts with the machine",
    load: async () => (await import("./commands/install-service.ts")).command,
  },
  uninstall: {
    summary: "Stop gigastt and remove what it keeps on this machine",
    load: async () => (await import("./commands/uninstall.ts")).command,
  },
};
