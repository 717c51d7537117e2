import { spawnSync } from "node:child_process";
import { whenWeEnd } from "./leash.ts";

/** A machine of its own: a network namespace joined to this one by a cable. */
export interface Machine {
  readonly namespace: string;
  /** This machine's address as the other one sees it. */
  readonly here: string;
  /** The other machine's address as we see it. */
  readonly there: string;
}

/** Why this machine cannot have network namespaces; undefined when it can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const probe = `gigastt-${process.pid}-0`;
  const added = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (added.error !== undefined) return "ip is not installed";
  if (added.status !== 0) return `network namespaces are not permitted: ${added.stderr.trim().split("\n")[0]}`;
  spawnSync("ip", ["netns", "del", probe]);
  return undefined;
}

/** Up to 60 machines with addresses in the block reserved for such tests. They are gone after `remove`, and with this process at the latest. */
export function createMachines(count: number): { readonly machines: readonly Machine[]; remove(): void } {
  const id = process.pid % 100_000;
  const machines = Array.from({ length: count }, (_, i) => ({
    namespace: `gigastt-${process.pid}-${i + 1}`,
    here: `198.18.${process.pid & 255}.${i * 4 + 1}`,
    there: `198.18.${process.pid & 255}.${i * 4 + 2}`,
  }));
  // The cable goes with the namespace.
  const leash = whenWeEnd(machines.map(({ namespace }) => `ip netns del ${namespace}`).join("; "));
  for (const [i, { namespace, here, there }] of machines.entries()) {
    const [ours, theirs] = [`gst${id}h${i}`, `gst${id}c${i}`];
    ip("netns", "add", namespace);
    ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", namespace);
    ip("addr", "add", `${here}/30`, "dev", ours);
    ip("link", "set", ours, "up");
    ip("-n", namespace, "addr", "add", `${there}/30`, "dev", theirs);
    ip("-n", namespace, "link", "set", theirs, "up");
    ip("-n", namespace, "link", "set", "lo", "up");
  }
  return {
    machines,
    remove: () => {
      for (const { namespace } of machines) spawnSync("ip", ["netns", "del", namespace]);
      leash.cancel();
    },
  };
}

// ---

function ip(...argv: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${argv.join(" ")}: ${stderr}`);
}
