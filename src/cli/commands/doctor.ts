import type { Command } from "../command.ts";

export const command: Command = {
  summary: "Check this machine and installation, and how to fix each problem",
  topic: "deploy",
  rank: 4,
  flags: { json: { type: "boolean", describe: "answer JSON" } },
  help: "Looks at Node, the C library, CPU, cores, memory, disks, limits, clock, configuration, permissions, certificates, secrets, the proxy's files, the port and the model. Exit code 1 when something would keep the server from working; warnings do not count.",
  aboutService: true,
  run: async (context) => (await import("../doctor/run.ts")).doctor(context),
};
