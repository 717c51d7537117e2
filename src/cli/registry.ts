// Written by scripts/commands.js from the files in src/cli/commands. Do not edit: every build writes it.
import type { Registry } from "./command.ts";

/** Every top-level command; its code is loaded only when it runs. */
export const registry: Registry = {
  up: {
    topic: "run",
    summary: "Run the server under the supervisor",
    load: async () => (await import("./commands/up.ts")).command,
  },
  serve: {
    topic: "run",
    summary: "Run the server alone in this process, for containers and service managers",
    load: async () => (await import("./commands/serve.ts")).command,
  },
  status: {
    topic: "run",
    summary: "Show what is running, its health and what to do",
    load: async () => (await import("./commands/status.ts")).command,
  },
  logs: {
    topic: "run",
    summary: "Show the logs of gigastt and the processes it runs",
    load: async () => (await import("./commands/logs.ts")).command,
  },
  restart: {
    topic: "run",
    summary: "Replace the runtime without refusing a connection",
    load: async () => (await import("./commands/restart.ts")).command,
  },
  reload: {
    topic: "run",
    summary: "Apply the changed configuration to the running service",
    load: async () => (await import("./commands/reload.ts")).command,
  },
  plan: {
    topic: "run",
    summary: "Show what a reload would change, and how",
    load: async () => (await import("./commands/plan.ts")).command,
  },
  upgrade: {
    topic: "run",
    summary: "Switch to the new code, model or configuration on disk",
    load: async () => (await import("./commands/upgrade.ts")).command,
  },
  rollback: {
    topic: "run",
    summary: "Go back to the last healthy configuration",
    load: async () => (await import("./commands/rollback.ts")).command,
  },
  down: {
    topic: "run",
    summary: "Drain and stop the running server and its supervisor",
    load: async () => (await import("./commands/down.ts")).command,
  },
  jobs: {
    topic: "run",
    summary: "Show, export, cancel, retry and delete jobs",
    load: async () => (await import("./commands/jobs.ts")).command,
  },
  archive: {
    topic: "run",
    summary: "Search, show, export, import and delete archived transcripts",
    load: async () => (await import("./commands/archive.ts")).command,
  },
  transcribe: {
    topic: "recognise",
    summary: "Recognise recordings here, without a server",
    load: async () => (await import("./commands/transcribe.ts")).command,
  },
  models: {
    topic: "recognise",
    summary: "List, download, check and make models",
    load: async () => (await import("./commands/models.ts")).command,
  },
  bench: {
    topic: "recognise",
    summary: "Measure what this machine can do",
    load: async () => (await import("./commands/bench.ts")).command,
  },
  init: {
    topic: "set-up",
    summary: "Set up a deployment, interactively or by flags",
    load: async () => (await import("./commands/init.ts")).command,
  },
  config: {
    topic: "set-up",
    summary: "Check, show and explain the configuration",
    load: async () => (await import("./commands/config.ts")).command,
  },
  secrets: {
    topic: "set-up",
    summary: "Manage users and API keys",
    load: async () => (await import("./commands/secrets.ts")).command,
  },
  certs: {
    topic: "set-up",
    summary: "Manage a private CA, its server certificate and client certificates",
    load: async () => (await import("./commands/certs.ts")).command,
  },
  "install-service": {
    topic: "set-up",
    summary: "Install gigastt as a service that starts with the machine",
    load: async () => (await import("./commands/install-service.ts")).command,
  },
  backup: {
    topic: "set-up",
    summary: "Save configuration, secrets, API keys, jobs, archive and state into one encrypted file",
    load: async () => (await import("./commands/backup.ts")).command,
  },
  restore: {
    topic: "set-up",
    summary: "Restore a backup",
    load: async () => (await import("./commands/restore.ts")).command,
  },
  uninstall: {
    topic: "set-up",
    summary: "Stop gigastt and remove what it keeps on this machine",
    load: async () => (await import("./commands/uninstall.ts")).command,
  },
  completions: {
    topic: "set-up",
    summary: "Print the completion script of a shell",
    load: async () => (await import("./commands/completions.ts")).command,
  },
  bundle: {
    topic: "set-up",
    summary: "Write one file that installs gigastt on a machine without a network",
    load: async () => (await import("./commands/bundle.ts")).command,
  },
  render: {
    topic: "deploy",
    summary: "Write proxy files, manifests and units from the configuration",
    load: async () => (await import("./commands/render.ts")).command,
  },
  verify: {
    topic: "deploy",
    summary: "Check a deployment from outside, with real requests",
    load: async () => (await import("./commands/verify.ts")).command,
  },
  audit: {
    topic: "deploy",
    summary: "Find mistakes in proxy, container and unit files, and between them",
    load: async () => (await import("./commands/audit.ts")).command,
  },
  doctor: {
    topic: "deploy",
    summary: "Check this machine and installation, and how to fix each problem",
    load: async () => (await import("./commands/doctor.ts")).command,
  },
};
