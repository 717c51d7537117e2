import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderFiles } from "../../src/render/render.ts";
import { spawnLeashed } from "../support/leash.ts";
import { createMachines, whyNoNamespaces } from "../support/namespaces.ts";
import { configWith, type DeployOverrides } from "../unit/render/base-config.ts";

const PORTS = { ssh: 22, http: 80, https: 443, app: 9876 };
const ALLOW_FROM = [
  [],
  ["198.18.0.0/15"],
  ["192.168.0.0/16", "203.0.113.7/32"],
  ["2001:db8::/32"],
  ["198.18.0.0/15", "fd00::/8"],
];
const why = spawnSync("nft", ["--version"]).error === undefined ? whyNoNamespaces() : "nft is not installed";

/** Everything that changes the shape of the rules. */
const VARIANTS: readonly (readonly [string, DeployOverrides])[] = (["caddy", "nginx", "none"] as const).flatMap(
  (kind) =>
    (["internal", "none"] as const).flatMap((mode) =>
      [true, false].flatMap((docker) =>
        ALLOW_FROM.map(
          (allowFrom) =>
            [
              `${kind}, tls ${mode}, docker ${docker}, from ${allowFrom.join(" ") || "anywhere"}`,
              {
                domain: "stt.example.com",
                proxy: { kind },
                tls: { mode },
                firewall: { kind: "nftables", docker, allowFrom },
              },
            ] as const,
        ),
      ),
    ),
);

describe(`rendered nftables rules${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), "gigastt-firewall-"));
  let place: ReturnType<typeof createMachines> | undefined;
  let listener: ReturnType<typeof spawnLeashed> | undefined;
  beforeAll(async () => {
    if (why !== undefined) return;
    place = createMachines(1);
    const listen = `for (const port of ${JSON.stringify(Object.values(PORTS))}) require("node:net").createServer((s) => s.end()).listen(port); console.log("on")`;
    listener = spawnLeashed("ip", ["netns", "exec", place.machines[0]!.namespace, process.execPath, "-e", listen], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(listener.child.stdout!, "data");
  });
  afterAll(async () => {
    await listener?.stop();
    place?.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Runs nft in the other machine's namespace, so that this one's rules stay as they are. */
  function nft(...argv: readonly string[]): string {
    const { stdout, stderr } = spawnSync("ip", ["netns", "exec", place!.machines[0]!.namespace, "nft", ...argv], {
      encoding: "utf8",
    });
    return stdout + stderr;
  }

  function write(deploy: DeployOverrides): string {
    const [file] = renderFiles(configWith({ deploy }), ["firewall"], {
      toolVersion: "0.0.0",
      configHash: "0".repeat(64),
    });
    const path = join(scratch, "gigastt.nft");
    writeFileSync(path, file!.text);
    return path;
  }

  it.skipIf(why !== undefined)(`are accepted by nft without a word in ${VARIANTS.length} variants`, () => {
    for (const [name, deploy] of VARIANTS)
      expect({ name, says: nft("-c", "-f", write(deploy)) }).toEqual({ name, says: "" });
  });

  it.skipIf(why !== undefined)(
    "open the proxy's ports and SSH, and nothing else",
    async () => {
      for (const [name, deploy] of VARIANTS) {
        // Twice: loading them again replaces them.
        const path = write(deploy);
        expect(nft("-f", path) + nft("-f", path)).toBe("");
        const { kind } = deploy.proxy!;
        const from = deploy.firewall!.allowFrom!;
        const known = from.length === 0 || from.includes("198.18.0.0/15");
        const open = await openPorts(place!.machines[0]!.there);
        expect({ name, open }).toEqual({
          name,
          open: {
            ssh: true,
            http: known && kind !== "none",
            https: known && kind !== "none" && deploy.tls!.mode !== "none",
            app: known && kind === "none",
          },
        });
      }
    },
    60_000,
  );
});

// ---

async function openPorts(host: string): Promise<Record<string, boolean>> {
  const found = await Promise.all(
    Object.entries(PORTS).map(
      ([name, port]) =>
        new Promise<readonly [string, boolean]>((resolve) => {
          const socket = connect(port, host);
          const done = (open: boolean): void => {
            clearTimeout(timer);
            socket.destroy();
            resolve([name, open]);
          };
          // What is closed answers nothing at all.
          const timer = setTimeout(() => done(false), 300);
          socket.on("connect", () => done(true));
          socket.on("error", () => done(false));
        }),
    ),
  );
  return Object.fromEntries(found);
}
