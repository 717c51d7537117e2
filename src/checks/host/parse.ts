import type { PublishedPort } from "./facts.ts";

/** Ports of `docker inspect`'s JSON for running containers. Throws for anything else. */
export function publishedByInspect(text: string): readonly PublishedPort[] {
  const containers: unknown = JSON.parse(text);
  if (!Array.isArray(containers)) throw new Error("docker inspect answered no list");
  return containers.flatMap((container: unknown) => {
    const name = textAt(container, "Name").replace(/^\//, "");
    const image = textAt(valueAt(container, "Config"), "Image");
    const ports = valueAt(valueAt(container, "NetworkSettings"), "Ports");
    return Object.entries(typeof ports === "object" && ports !== null ? ports : {}).flatMap(([key, bindings]) => {
      const containerPort = Number(/^(\d+)\/tcp$/.exec(key)?.[1]);
      if (!Number.isInteger(containerPort) || !Array.isArray(bindings)) return [];
      return bindings.map((binding: unknown) => ({
        container: name,
        image,
        // An empty address means every one.
        address: textAt(binding, "HostIp") || "0.0.0.0",
        port: Number(textAt(binding, "HostPort")),
        containerPort,
        source: "docker inspect",
      }));
    });
  });
}

/** Published ports in Docker's chain of the NAT table: `-A DOCKER [-d 127.0.0.1/32] … --dport 9876 -j DNAT --to-destination 172.18.0.2:9876`. */
export function publishedByFirewall(text: string): readonly PublishedPort[] {
  return text.split("\n").flatMap((line) => {
    if (!/^-A DOCKER\s.*-p tcp\b.*-j DNAT\b/.test(line)) return [];
    const port = Number(/--dport (\d+)/.exec(line)?.[1]);
    const target = /--to-destination (\S+):(\d+)/.exec(line);
    if (!Number.isInteger(port) || target === null) return [];
    return [
      {
        container: target[1] ?? "?",
        image: "",
        address: /(?:^|\s)-d ([0-9a-f.:]+)/i.exec(line)?.[1] ?? "0.0.0.0",
        port,
        containerPort: Number(target[2]),
        source: "iptables",
      },
    ];
  });
}

/** Soft limit of core dumps in /proc/PID/limits, bytes. */
export function coreLimit(text: string): number | undefined {
  const soft = /^Max core file size\s+(\S+)/m.exec(text)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Path and size of each row of /proc/swaps. */
export function swapRows(text: string): readonly { readonly path: string; readonly sizeBytes: number }[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [path, , size] = line.trim().split(/\s+/);
      return path === undefined || path === "" ? [] : [{ path, sizeBytes: Number(size) * 1024 }];
    });
}

/** A number in kB of /proc/meminfo, bytes. */
export function memoryLine(text: string, key: string): number | undefined {
  const kib = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** The last assignment of a key in a file of systemd's syntax and its drop-ins, in the order given. */
export function lastSetting(texts: readonly string[], key: string): string | undefined {
  const all = texts.flatMap((text) => [...text.matchAll(new RegExp(`^\\s*${key}\\s*=\\s*(.*?)\\s*$`, "gm"))]);
  return all.at(-1)?.[1];
}

// ---

function valueAt(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function textAt(value: unknown, key: string): string {
  const found = valueAt(value, key);
  return typeof found === "string" ? found : "";
}
