import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { BASIC, describeFront, finishSession, FORGED, MIB, openSession } from "./cases.ts";
import { DOMAIN, servedAsDomain, startFront, type Front, type RunningFront } from "./front.ts";
import { askFront, askRefused } from "./http-client.ts";

/** The real server: who it thinks is calling, live sessions, and what it lets in. */
export function liveCases(front: Front): void {
  describeFront(front, " in front of the real runtime", () => {
    let server: TestServer;
    let running: RunningFront;
    const config = {
      metrics: { enabled: true },
      rateLimit: { perMinute: 1, burst: 5 },
      session: { idleTimeoutMs: 1500, maxDurationMs: 3_600_000 },
      server: {
        trustedProxies: front.kind === "none" ? [] : ["127.0.0.1/32", "::1/128"],
        allowedOrigins: [`https://${DOMAIN}`],
      },
    };
    beforeAll(async () => {
      server = await startTestServer({ config: servedAsDomain(config) });
      running = await startFront(front, server.port, { ...config, deploy: { auth: { kind: "basic" } } });
    });
    afterAll(async () => {
      await running?.stop();
      await server?.close();
    });

    it(
      "the rate limit knows the real peer: three addresses, a thousand forged requests, not one bypass",
      { timeout: 180_000 },
      async () => {
        const startedMs = performance.now();
        const passed = new Map<string, number>();
        const addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
        let limited = 0;
        const one = async (n: number): Promise<void> => {
          const localAddress = addresses[n % addresses.length]!;
          const forged = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
          const [name] = FORGED[n % FORGED.length]!;
          const { status } = await askFront(running, "/v1/models", {
            localAddress,
            headers: [BASIC, [name, name === "Forwarded" ? `for=${forged}` : forged]],
          });
          if (status === 200) passed.set(localAddress, (passed.get(localAddress) ?? 0) + 1);
          else if (status === 429) limited += 1;
          else throw new Error(`unexpected ${status}`);
        };
        for (let n = 0; n < 1000; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => one(n + i)));
        const total = [...passed.values()].reduce((sum, count) => sum + count, 0);
        expect(limited).toBe(1000 - total);
        // burst 5, and one token a minute while the test runs
        const most = 5 + Math.ceil((performance.now() - startedMs) / 60_000);
        for (const address of addresses) {
          expect(passed.get(address)).toBeGreaterThanOrEqual(5);
          expect(passed.get(address)).toBeLessThanOrEqual(most);
        }
      },
    );

    it("a WebSocket session works from upgrade to the last final", async () => {
      const client = await openSession(running, "127.0.0.5");
      expect((await client.nextOf("ready"))["sample_rate"]).toBe(48_000);
      expect(await finishSession(client)).toBe(1000);
    });

    if (front.kind !== "none")
      it("a session without a password is refused before it reaches the server", async () => {
        await expect(openSession(running, "127.0.0.6", {})).rejects.toThrow("401");
      });

    if (front.kind !== "none")
      it("metrics stay closed however their path is written", async () => {
        for (const path of [
          "/metrics",
          "/x/..\\metrics",
          "/.\\metrics",
          "/x/%2e%2e/metrics",
          "/%6detrics",
          "//metrics",
          "/metrics;a",
        ]) {
          const reply = await askFront(running, path, { localAddress: "127.0.0.12", headers: [BASIC] });
          expect([path, reply.status]).toEqual([path, expect.toBeOneOf([400, 404])]);
        }
      });

    it("the public origin may connect, a foreign one may not", async () => {
      const origin = async (value: string, localAddress: string): Promise<string> =>
        openSession(running, localAddress, { [BASIC[0]]: BASIC[1], origin: value }).then(
          (client) => {
            client.socket.terminate();
            return "open";
          },
          (error: Error) => error.message,
        );
      expect(await origin(`https://${DOMAIN}`, "127.0.0.7")).toBe("open");
      expect(await origin("https://evil.example", "127.0.0.8")).toContain("403");
    });

    it("an idle session is closed by the server, with a code, before any timer of the proxy", async () => {
      const client = await openSession(running, "127.0.0.9");
      expect((await client.nextOf("error"))["code"]).toBe("idle_timeout");
      expect((await client.closed).code).toBe(1001);
    });

    it.each([false, true])(
      "49 MiB reach the server whole and 51 MiB get 413 (chunked: %s)",
      async (chunked) => {
        const options = { localAddress: chunked ? "127.0.0.10" : "127.0.0.11", headers: [BASIC], chunked };
        const small = await askFront(running, "/v1/transcribe", { ...options, bodyBytes: 49 * MIB });
        expect({ status: small.status, body: small.body }).toMatchObject({ status: 200 });
        expect(small.body).toContain(`${49 * MIB} bytes`);
        const large = await askRefused(running, "/v1/transcribe", { ...options, bodyBytes: 51 * MIB });
        expect(large.status).toBe(413);
      },
      60_000,
    );
  });
}
