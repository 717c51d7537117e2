import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { derive } from "../../../src/config/derived.ts";
import { gateFile } from "../../../src/render/kubernetes/gate.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { connect } from "../../support/ws-client.ts";
import { configWith } from "../../unit/render/base-config.ts";
import { BASIC, describeFront, finishSession, PROTECTED } from "./cases.ts";
import { startEcho, type Echo } from "./echo.ts";
import { freePorts, FRONTS, KEY, PASSWORD_HASH, startProxy } from "./front.ts";
import { ask } from "./http-client.ts";

const front = FRONTS.find(({ name }) => name === "Caddy 2.11")!;

// The proxy that a pod has beside the server: the Caddyfile of the ConfigMap, with a gateway of ours (this test) in front.
describeFront(front, " as the gate of a pod", () => {
  let echo: Echo;
  let server: TestServer;
  beforeAll(async () => {
    echo = await startEcho();
    server = await startTestServer({
      config: { server: { trustedProxies: ["127.0.0.1/32"], allowedHosts: ["stt.example.com"] } },
    });
  });
  afterAll(async () => {
    await echo?.close();
    await server?.close();
  });

  async function within(
    kind: "basic" | "keys",
    upstreamPort: number,
    passKeys: boolean,
    use: (port: number) => Promise<void>,
  ): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-gate-"));
    const [port] = await freePorts(1);
    writeFileSync(join(dir, "users.caddy"), `anna ${PASSWORD_HASH}\n`);
    writeFileSync(join(dir, "keys.caddy"), `"Bearer ${KEY}" laptop\n`);
    const config = configWith({
      server: { port: upstreamPort },
      deploy: {
        target: "kubernetes",
        domain: "stt.example.com",
        auth: { kind, passKeys },
        kubernetes: { trustedCidrs: ["127.0.0.0/8"] },
      },
    });
    const main = join(dir, "Caddyfile");
    writeFileSync(
      main,
      gateFile({ config, derived: derive(config) })
        .replaceAll("8080", String(port))
        .replaceAll("/run/secrets/gigastt", dir)
        .replaceAll("/run/caddy", dir),
    );
    const proxy = startProxy(front, main, dir);
    try {
      // Dialled until it listens.
      while ((await ask({ port: port!, path: "/health" }).catch(() => undefined)) === undefined)
        if (proxy.leashed.child.exitCode !== null) throw new Error(proxy.log());
      await use(port!);
    } finally {
      await proxy.leashed.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }

  it.each([
    ["basic", BASIC[1], "Basic YW5uYTp3cm9uZw=="],
    ["keys", `Bearer ${KEY}`, `Bearer ${KEY}x`],
  ] as const)(
    "%s: every route but the public ones is closed, and credentials go no further",
    async (kind, right, wrong) => {
      await within(kind, echo.port, false, async (port) => {
        const before = echo.seen.length;
        for (const path of PROTECTED) {
          expect((await ask({ port, path })).status, path).toBe(401);
          expect((await ask({ port, path, headers: [["Authorization", wrong]] })).status, path).toBe(401);
        }
        expect((await ask({ port, path: "/metrics", headers: [["Authorization", right]] })).status).toBe(404);
        expect(echo.seen).toHaveLength(before);
        expect((await ask({ port, path: "/health" })).status).toBe(200);
        expect((await ask({ port, path: "/v1/models", headers: [["Authorization", right]] })).status).toBe(200);
        expect(echo.seen.at(-1)!.headers.authorization).toBeUndefined();
      });
    },
  );

  it("keys handed on: the server sees the key", async () => {
    await within("keys", echo.port, true, async (port) => {
      await ask({ port, path: "/v1/models", headers: [["Authorization", `Bearer ${KEY}`]] });
      expect(echo.seen.at(-1)!.headers.authorization).toBe(`Bearer ${KEY}`);
    });
  });

  it("the server sees the one address that the gateway saw, whatever the client wrote before it", async () => {
    await within("basic", echo.port, false, async (port) => {
      for (const sent of ["198.51.100.7", "6.6.6.6, 198.51.100.7", "127.0.0.1, 6.6.6.6, 198.51.100.7, 127.0.0.9"]) {
        await ask({ port, path: "/v1/models", headers: [BASIC, ["X-Forwarded-For", sent], ["X-Real-IP", "6.6.6.6"]] });
        const { headers } = echo.seen.at(-1)!;
        expect(headers["x-forwarded-for"], sent).toBe("198.51.100.7");
        expect(headers["x-real-ip"], sent).toBe("198.51.100.7");
      }
    });
  });

  it("a live session works, and a drain of the server reaches it", async () => {
    await within("basic", server.port, false, async (port) => {
      const open = (): ReturnType<typeof connect> =>
        connect(`ws://127.0.0.1:${port}/v1/ws`, { headers: { [BASIC[0]]: BASIC[1] } });
      expect(await finishSession(await open())).toBe(1000);
      const client = await open();
      await client.nextOf("ready");
      client.audio(new Uint8Array(9600));
      const report = server.runtime.drain.begin("test");
      await client.nextOf("final");
      expect((await client.closed).code).toBe(1001);
      await report;
    });
  });
});
