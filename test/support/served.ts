import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Ports = Readonly<Record<string, number>>;

/** The real server with the bundled model, on free ports. Resolves as soon as it listens: the model may still load. */
export async function serveForClients(
  listeners: readonly ("http" | "wyoming")[],
): Promise<{ readonly ports: Ports; stop(): void }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url)), "serve"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env["PATH"], GIGASTT_PORT: "0", GIGASTT_WYOMING_ENABLED: "1", GIGASTT_WYOMING_PORT: "0" },
  });
  const ports: Record<string, number> = {};
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as { event?: string; listener?: string; port?: number }; // our own log
      if (entry.event === "listening") ports[entry.listener ?? "http"] = entry.port ?? 0;
      if (listeners.every((name) => ports[name] !== undefined)) resolve();
    });
    void once(child, "exit").then(() => reject(new Error("the server ended")));
  });
  return { ports, stop: () => void child.kill("SIGKILL") };
}
