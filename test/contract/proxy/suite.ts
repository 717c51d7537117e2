import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClientOptions } from "ws";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { connect } from "../../support/ws-client.ts";
import { EVENT_INTERVAL_MS, EVENTS, startEcho, type Echo } from "./echo.ts";
import { DOMAIN, KEY, PASSWORD, startFront, type Front, type RunningFront } from "./front.ts";
import { ask, askFront, askRefused } from "./http-client.ts";

const MIB = 2 ** 20;
const BASIC = ["Authorization", `Basic ${Buffer.from(`anna:${PASSWORD}`).toString("base64")}`] as const;
const FORGED = [
  ["X-Forwarded-For", "6.6.6.6"],
  ["X-Real-IP", "6.6.6.6"],
  ["Forwarded", "for=6.6.6.6"],
  ["X-Client-IP", "6.6.6.6"],
  ["True-Client-IP", "6.6.6.6"],
  ["CF-Connecting-IP", "6.6.6.6"],
  ["X-Cluster-Client-IP", "6.6.6.6"],
  ["X-Original-Forwarded-For", "6.6.6.6"],
] as const;
const PROTECTED = [
  "/",
  "/ready",
  "/v1/models",
  "/v1/transcribe",
  "/v1/transcribe/stream",
  "/v1/ws",
  "/ws",
  "/anything",
  "/health/x",
  "/HEALTH/../v1/models",
];

/** What every proxy we render for must do, with the same cases. */
export function proxyContract(front: Front): void {
  const suite = front.binary === undefined ? describe.skip : describe;
  const title = front.binary === undefined ? `${front.name} (skipped: ${front.missing})` : front.name;

  suite(`${title} in front of a recording server`, () => {
    let echo: Echo;
    let running: RunningFront;
    beforeAll(async () => {
      echo = await startEcho();
      running = await startFront(front, echo.port, { deploy: { auth: { kind: "basic" } } });
    });
    afterAll(async () => {
      await running?.stop();
      await echo?.close();
    });

    it.each(FORGED.map(([name, value]) => ({ name, value })))(
      "a forged $name does not reach the server",
      async ({ name, value }) => {
        for (const path of ["/health", "/v1/transcribe", "/v1/models", "/v1/ws", "/ws"]) {
          const before = echo.seen.length;
          await askFront(running, path, { headers: [BASIC, [name, value], [name, "7.7.7.7"]] });
          const { rawHeaders, headers } = echo.seen[before]!;
          expect(rawHeaders.join("\n"), path).not.toMatch(/6\.6\.6\.6|7\.7\.7\.7/);
          expect(headers["x-forwarded-for"], path).toBe("127.0.0.1");
          expect(headers["x-real-ip"], path).toBe("127.0.0.1");
        }
      },
    );

    it("the server sees the name, the scheme and no credentials", async () => {
      const before = echo.seen.length;
      await askFront(running, "/v1/models", {
        headers: [BASIC, ["X-Forwarded-Proto", "gopher"], ["X-Forwarded-Host", "evil.example"]],
      });
      const { headers } = echo.seen[before]!;
      expect(headers["x-forwarded-proto"]).toBe("https");
      expect(headers["x-forwarded-host"]).toContain(DOMAIN);
      expect(headers.host).toContain(DOMAIN);
      expect(headers.authorization).toBeUndefined();
    });

    it("every event of a stream arrives long before the next one is sent", async () => {
      const before = echo.seen.length;
      const arrivedAtMs = await eventTimes(running);
      expect(echo.seen[before]!.headers["x-forwarded-for"]).toBe("127.0.0.1");
      expect(echo.seen[before]!.rawHeaders.join("\n")).not.toContain("6.6.6.6");
      expect(arrivedAtMs).toHaveLength(EVENTS);
      const lags = arrivedAtMs.map((at, i) => at - echo.sentAtMs[i]!);
      console.log(`${front.name}: largest lag of an event ${Math.max(...lags).toFixed(1)} ms`);
      // Buffered events come with the end of the stream, EVENTS × EVENT_INTERVAL_MS later.
      for (const lag of lags) expect(lag).toBeLessThan(EVENT_INTERVAL_MS);
      expect(lags.filter((lag) => lag < 100).length).toBeGreaterThanOrEqual(EVENTS - 1);
    });

    it.each([false, true])("49 MiB pass and 51 MiB get 413 (chunked: %s)", { timeout: 60_000 }, async (chunked) => {
      const small = await askFront(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 49 * MIB, chunked });
      expect(small.status).toBe(200);
      expect(JSON.parse(small.body)).toEqual({ bodyBytes: 49 * MIB });
      const large = await askRefused(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 51 * MIB, chunked });
      expect(large.status).toBe(413);
    });

    it("the security headers are on 200, 401, 404 and 413, each once, and the server's own are dropped", async () => {
      const replies = [
        await askFront(running, "/v1/models", { headers: [BASIC] }),
        await askFront(running, "/v1/models"),
        await askFront(running, "/missing", { headers: [BASIC] }),
        await askFront(running, "/metrics", { headers: [BASIC] }),
        await askRefused(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 51 * MIB }),
      ];
      expect(replies.map(({ status }) => status)).toEqual([200, 401, 404, 404, 413]);
      for (const { headers, status } of replies) {
        expect(headers["strict-transport-security"], String(status)).toBe("max-age=63072000");
        expect(headers["x-content-type-options"], String(status)).toBe("nosniff");
        expect(headers["x-frame-options"], String(status)).toBe("DENY");
        expect(headers["referrer-policy"], String(status)).toBe("no-referrer");
        expect(headers["permissions-policy"], String(status)).toContain("microphone=()");
        expect(headers["content-security-policy"], String(status)).toContain("default-src 'none'");
        expect(headers["server"] ?? "", String(status)).not.toMatch(/upstream|\d/);
      }
    });

    it("metrics are closed, also with a slash and in another case", async () => {
      const before = echo.seen.length;
      for (const path of ["/metrics", "/metrics/", "/metrics/x"])
        expect((await askFront(running, path, { headers: [BASIC] })).status, path).toBe(404);
      expect(echo.seen).toHaveLength(before);
    });

    it("plain HTTP is sent to the literal name with 308, whatever the path", async () => {
      const reply = await ask({ port: running.httpPort, path: "/v1/models?a=b" });
      expect(reply.status).toBe(308);
      expect(reply.headers.location).toBe(`https://${DOMAIN}:${running.httpsPort}/v1/models?a=b`);
      const post = await ask({ port: running.httpPort, path: "/v1/transcribe", bodyBytes: 10 });
      expect(post.status).toBe(308);
    });

    it("an unknown name is refused: over plain HTTP, in the handshake, and after a right handshake", async () => {
      const before = echo.seen.length;
      await expect(ask({ port: running.httpPort, path: "/", headers: [["Host", "evil.example"]] })).rejects.toThrow();
      await expect(askFront(running, "/health", { servername: "evil.example" })).rejects.toThrow();
      const host = await askFront(running, "/health", { headers: [["Host", "evil.example"]] }).catch(() => undefined);
      // 421 is the proxy's own answer to a name that does not fit the handshake.
      expect(host === undefined || host.status === 421).toBe(true);
      expect(echo.seen).toHaveLength(before);
    });
  });

  suite(`${title}: authentication`, () => {
    let echo: Echo;
    beforeAll(async () => {
      echo = await startEcho();
    });
    afterAll(() => echo?.close());

    async function within(
      overrides: Parameters<typeof startFront>[2],
      use: (running: RunningFront) => Promise<void>,
    ): Promise<void> {
      const running = await startFront(front, echo.port, overrides);
      try {
        await use(running);
      } finally {
        await running.stop();
      }
    }

    async function statuses(
      running: RunningFront,
      headers: readonly (readonly [string, string])[],
      extra: { cert?: string; key?: string } = {},
    ): Promise<number[]> {
      const found: number[] = [];
      for (const path of PROTECTED) found.push((await askFront(running, path, { headers, ...extra })).status);
      return found;
    }

    it("basic: every route but the public ones wants a password", async () => {
      await within({ deploy: { auth: { kind: "basic" } } }, async (running) => {
        const before = echo.seen.length;
        expect(new Set(await statuses(running, []))).toEqual(new Set([401]));
        expect(
          new Set(
            await statuses(running, [["Authorization", `Basic ${Buffer.from("anna:wrong").toString("base64")}`]]),
          ),
        ).toEqual(new Set([401]));
        expect(echo.seen).toHaveLength(before);
        expect(new Set(await statuses(running, [BASIC]))).toEqual(new Set([200]));
        expect((await askFront(running, "/health")).status).toBe(200);
      });
    });

    it("keys: every route but the public ones wants a key; the key stays at the proxy", async () => {
      await within({ deploy: { auth: { kind: "keys" } } }, async (running) => {
        const before = echo.seen.length;
        const wrong = [
          undefined,
          "",
          "Bearer",
          "Bearer ",
          `Bearer ${KEY}x`,
          `Bearer ${KEY.slice(0, -1)}`,
          `Basic ${KEY}`,
          KEY,
        ];
        for (const value of wrong)
          expect(
            new Set(await statuses(running, value === undefined ? [] : [["Authorization", value]])),
            String(value),
          ).toEqual(new Set([401]));
        expect(echo.seen).toHaveLength(before);
        expect(new Set(await statuses(running, [["Authorization", `Bearer ${KEY}`]]))).toEqual(new Set([200]));
        expect(echo.seen.at(-1)!.headers.authorization).toBeUndefined();
        const refused = await askFront(running, "/v1/models");
        expect(refused.headers["www-authenticate"]).toBe("Bearer");
        expect((await askFront(running, "/health")).status).toBe(200);
      });
    });

    it("keys handed on: the server sees the key", async () => {
      await within({ deploy: { auth: { kind: "keys", passKeys: true } } }, async (running) => {
        await askFront(running, "/v1/models", { headers: [["Authorization", `Bearer ${KEY}`]] });
        expect(echo.seen.at(-1)!.headers.authorization).toBe(`Bearer ${KEY}`);
      });
    });

    it("mtls: every route but the public ones wants a certificate of our CA", async () => {
      await within({ deploy: { auth: { kind: "mtls" } } }, async (running) => {
        const before = echo.seen.length;
        expect(new Set(await statuses(running, []))).toEqual(new Set([403]));
        const foreign = await askFront(running, "/v1/models", {
          cert: running.foreignClient.certificate,
          key: running.foreignClient.privateKey,
        }).catch(() => undefined);
        expect(foreign === undefined || foreign.status === 400 || foreign.status === 403).toBe(true);
        expect(echo.seen).toHaveLength(before);
        expect(
          new Set(await statuses(running, [], { cert: running.client.certificate, key: running.client.privateKey })),
        ).toEqual(new Set([200]));
        expect((await askFront(running, "/health")).status).toBe(200);
      });
    });

    it("mtls without public paths: nobody gets further than the handshake", async () => {
      await within({ deploy: { auth: { kind: "mtls" }, publicPaths: [] } }, async (running) => {
        const before = echo.seen.length;
        for (const path of ["/health", ...PROTECTED]) {
          const reply = await askFront(running, path).catch(() => undefined);
          expect(reply === undefined || reply.status === 400, path).toBe(true);
        }
        expect(echo.seen).toHaveLength(before);
        expect(
          (await askFront(running, "/health", { cert: running.client.certificate, key: running.client.privateKey }))
            .status,
        ).toBe(200);
      });
    });

    it("forward: the authentication service decides, and sees whom it decides about", async () => {
      const gate = await startEcho();
      try {
        await within(
          { deploy: { auth: { kind: "forward", forwardUrl: `http://127.0.0.1:${gate.port}/missing` } } },
          async (running) => {
            const before = echo.seen.length;
            const refused = await statuses(running, [["X-Forwarded-For", "6.6.6.6"]]);
            // nginx knows 2xx, 401 and 403 from such a service; anything else is its failure.
            for (const status of refused) expect([404, 500]).toContain(status);
            expect(echo.seen).toHaveLength(before);
            expect(gate.seen.every(({ headers }) => headers["x-forwarded-for"] === "127.0.0.1")).toBe(true);
            expect((await askFront(running, "/health")).status).toBe(200);
          },
        );
        await within(
          { deploy: { auth: { kind: "forward", forwardUrl: `http://127.0.0.1:${gate.port}/check` } } },
          async (running) => {
            expect(new Set(await statuses(running, []))).toEqual(new Set([200]));
          },
        );
      } finally {
        await gate.close();
      }
    });
  });

  suite(`${title} in front of the real runtime`, () => {
    let server: TestServer;
    let running: RunningFront;
    const config = {
      rateLimit: { perMinute: 1, burst: 5 },
      session: { idleTimeoutMs: 1500, maxDurationMs: 3_600_000 },
      server: { trustedProxies: ["127.0.0.1/32", "::1/128"], allowedOrigins: [`https://${DOMAIN}`] },
    };
    beforeAll(async () => {
      server = await startTestServer({ config });
      running = await startFront(front, server.port, { ...config, deploy: { auth: { kind: "basic" } } });
    });
    afterAll(async () => {
      await running?.stop();
      await server?.close();
    });

    it(
      "the rate limit knows the real peer: three addresses, a thousand forged requests, not one bypass",
      { timeout: 60_000 },
      async () => {
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
        for (const address of addresses) {
          expect(passed.get(address)).toBeGreaterThanOrEqual(5);
          expect(passed.get(address)).toBeLessThanOrEqual(7);
        }
      },
    );

    it("a WebSocket session works from upgrade to the last final", async () => {
      const client = await connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, socketOptions(running, "127.0.0.5"));
      expect((await client.nextOf("ready"))["sample_rate"]).toBe(48_000);
      client.send({ type: "configure", sample_rate: 16_000 });
      client.audio(new Uint8Array(3200));
      client.send({ type: "stop" });
      await client.nextOf("final");
      expect((await client.closed).code).toBe(1000);
    });

    it("a session without a password is refused before it reaches the server", async () => {
      await expect(
        connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, { ...socketOptions(running, "127.0.0.6"), headers: {} }),
      ).rejects.toThrow("401");
    });

    it("the public origin may connect, a foreign one may not", async () => {
      const origin = async (value: string, localAddress: string): Promise<string> => {
        const options = socketOptions(running, localAddress);
        return connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, {
          ...options,
          headers: { ...options.headers, origin: value },
        }).then(
          (client) => {
            client.socket.terminate();
            return "open";
          },
          (error: Error) => error.message,
        );
      };
      expect(await origin(`https://${DOMAIN}`, "127.0.0.7")).toBe("open");
      expect(await origin("https://evil.example", "127.0.0.8")).toContain("403");
    });

    it("an idle session is closed by the server, with a code, before any timer of the proxy", async () => {
      const client = await connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, socketOptions(running, "127.0.0.9"));
      expect((await client.nextOf("error"))["code"]).toBe("idle_timeout");
      expect((await client.closed).code).toBe(1001);
    });
  });

  suite(`${title}: change of the proxy and of the server during live work`, () => {
    const config = {
      server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [] },
      session: { idleTimeoutMs: 60_000 },
    };

    it(
      front.name === "Caddy 2.6"
        ? "a reload ends live sessions at once with 1001 or 1006: this version cannot keep them"
        : "a reload keeps live sessions, and new ones come in",
      async () => {
        const server = await startTestServer({ config });
        const running = await startFront(front, server.port, config);
        try {
          const client = await connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, socketOptions(running));
          await client.nextOf("ready");
          running.reload();
          const closed = await Promise.race([
            client.closed,
            new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1500)),
          ]);
          if (front.name === "Caddy 2.6") {
            expect([1001, 1006]).toContain(closed?.code);
          } else {
            expect(closed).toBeUndefined();
            client.send({ type: "stop" });
            await client.nextOf("final");
            expect((await client.closed).code).toBe(1000);
          }
          const next = await connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, socketOptions(running));
          await next.nextOf("ready");
          next.socket.terminate();
        } finally {
          await running.stop();
          await server.close();
        }
      },
    );

    it("a drain of the server reaches the client through the proxy: final, then 1001", async () => {
      const server = await startTestServer({ config });
      const running = await startFront(front, server.port, config);
      try {
        const client = await connect(`wss://${DOMAIN}:${running.httpsPort}/v1/ws`, socketOptions(running));
        await client.nextOf("ready");
        client.audio(new Uint8Array(9600));
        const report = server.runtime.drain.begin("test");
        await client.nextOf("final");
        expect((await client.closed).code).toBe(1001);
        expect((await report).cut).toBe(0);
      } finally {
        await running.stop();
        await server.close();
      }
    });

    it(
      front.kind === "caddy"
        ? "a request during a restart of the server waits for the new one"
        : "a request during a restart of the server gets 502",
      async () => {
        const first = await startEcho();
        const running = await startFront(front, first.port, {});
        try {
          expect((await askFront(running, "/health")).status).toBe(200);
          await first.close();
          const pending = askFront(running, "/v1/models");
          await new Promise((resolve) => setTimeout(resolve, 700));
          const { createServer } = await import("node:http");
          const second = createServer((_request, response) => response.end("second"));
          await new Promise<void>((resolve) => second.listen(first.port, "127.0.0.1", resolve));
          const reply = await pending;
          expect(reply.status).toBe(front.kind === "caddy" ? 200 : 502);
          second.closeAllConnections();
          second.close();
        } finally {
          await running.stop();
        }
      },
    );
  });
}

// ---

function socketOptions(running: RunningFront, localAddress?: string): ClientOptions {
  // `ws` hands these on to node:tls, but its types leave two of them out.
  const options: ClientOptions & { servername: string; lookup: LookupFunction } = {
    ca: running.ca,
    servername: DOMAIN,
    // The name is not in any name server: the socket goes to this machine.
    lookup: (_host, { all }, callback) =>
      all === true ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4),
    headers: { [BASIC[0]]: BASIC[1] },
    ...(localAddress === undefined ? {} : { localAddress }),
  };
  return options;
}

async function eventTimes(running: RunningFront): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: running.httpsPort,
        path: "/v1/transcribe/stream",
        method: "POST",
        ca: running.ca,
        servername: DOMAIN,
        agent: false,
        headers: { Host: DOMAIN, [BASIC[0]]: BASIC[1], ...Object.fromEntries(FORGED) },
      },
      (response) => {
        response.on("data", (chunk: Buffer) => {
          for (const _ of chunk.toString().matchAll(/data:/g)) times.push(performance.now());
        });
        response.on("end", () => resolve(times));
      },
    );
    request.on("error", reject);
    request.end("audio");
  });
}
