import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openKeyStore } from "../../../src/store/keys.ts";
import type { Question } from "../../../src/shared/process/messages.ts";
import { configWith, startTestServer } from "../../support/runtime-server.ts";
import { BASIC, describeFront, FORGED } from "./cases.ts";
import { DOMAIN, servedAsDomain, startFront, type Front } from "./front.ts";
import { askFront } from "./http-client.ts";

const ASKED: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/console/status"],
  ["GET", "/console/supervisor/logs"],
  ["GET", "/console/supervisor/config"],
  ["POST", "/console/operations/reload"],
];

/** A proxy on the same machine comes from loopback, and its clients are not the machine: only a key with the scope admin opens the rest. */
export function operatorCases(front: Front): void {
  if (front.kind === "none") {
    it.skip(
      "no proxy: its clients are not the machine itself (not applicable without a proxy: loopback is the machine)",
    );
    return;
  }
  describeFront(front, ": what is for the operator", () => {
    const origin = (port: number): [string, string] => ["Origin", `https://${DOMAIN}:${port}`];

    it("is closed to its clients, whatever they send", async () => {
      const asked: Question[] = [];
      const server = await startTestServer({
        config: servedAsDomain({ server: { ...configWith().server, trustedProxies: ["127.0.0.1/32"] } }),
        askSupervisor: (question) => Promise.resolve(void asked.push(question)),
      });
      const running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } });
      try {
        const loopback = FORGED.map(([name]) => [name, "127.0.0.1"] as const);
        for (const more of [[], loopback, FORGED, [["Host", "localhost"] as const]]) {
          for (const [method, path] of ASKED) {
            const headers = [BASIC, origin(running.httpsPort), ...more];
            // A request for another host name may be answered by hanging up.
            const reply = await askFront(running, path, { method, headers }).catch(() => ({ status: 421 }));
            expect(reply.status, `${method} ${path} ${JSON.stringify(more)}`).toBeGreaterThanOrEqual(400);
          }
        }
        expect(asked).toEqual([]);
      } finally {
        await running.stop();
        await server.close();
      }
    });

    it("is open to a key with the scope admin, and to no other", async () => {
      const dir = mkdtempSync(join(tmpdir(), "gigastt-front-admin-"));
      const keyStore = openKeyStore(join(dir, "keys.sqlite"));
      const keyWith = (name: string, scopes: readonly ["admin"] | readonly ["transcribe", "live", "metrics"]): string =>
        keyStore.create(name, { scopes }, Date.now()).reveal();
      const [admin, other] = [keyWith("admin", ["admin"]), keyWith("other", ["transcribe", "live", "metrics"])];
      const auth = { keys: "required", queryParameter: false } as const;
      const asked: string[] = [];
      const server = await startTestServer({
        config: { auth, server: { ...configWith().server, trustedProxies: ["127.0.0.1/32"], allowedHosts: [DOMAIN] } },
        keyStore,
        askSupervisor: ({ cmd }) => Promise.resolve(asked.push(cmd)),
      });
      const running = await startFront(front, server.port, { auth, deploy: { auth: { kind: "server" } } });
      const { current } = server.runtime.context.settings;
      const allowedOrigins = [origin(running.httpsPort)[1]];
      server.runtime.reload({ ...current, server: { ...current.server, allowedOrigins } });
      try {
        const statuses = async (key: string, ...more: [string, string][]): Promise<number[]> => {
          const found: number[] = [];
          for (const [method, path] of ASKED) {
            const headers = [["Authorization", `Bearer ${key}`] as const, ...more];
            found.push((await askFront(running, path, { method, headers })).status);
          }
          return found;
        };
        expect(await statuses(other, origin(running.httpsPort))).toEqual([403, 403, 403, 403]);
        expect(asked).toEqual([]);
        expect(await statuses(admin, origin(running.httpsPort))).toEqual([200, 200, 200, 202]);
        expect(asked).toEqual(["log_lines", "settings", "begin"]);
        // A page of another origin does not even get the key's rights.
        expect((await statuses(admin, ["Origin", "https://evil.example"])).at(-1)).toBe(403);
        expect(asked).toHaveLength(3);
      } finally {
        await running.stop();
        await server.close();
        rmSync(dir, { recursive: true, force: true });
      }
    });
  });
}
