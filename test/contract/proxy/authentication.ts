import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openKeyStore } from "../../../src/store/keys.ts";
import { configWith, startTestServer } from "../../support/runtime-server.ts";
import { BASIC, caseWhere, describeFront, openSession, PROTECTED } from "./cases.ts";
import { startEcho, type Echo } from "./echo.ts";
import { DOMAIN, KEY, startFront, traitsOf, type Front, type RunningFront } from "./front.ts";
import { askFront } from "./http-client.ts";

/** Credentials on every route but the public ones, in every kind. */
export function authenticationCases(front: Front): void {
  if (front.kind === "none") {
    it.skip("no proxy: authentication (not applicable: users, keys and certificates are the proxy's to check)");
    return;
  }
  const { asksServices, knowsKeys, certificateByRoute } = traitsOf(front);
  const withKeys = caseWhere(knowsKeys, "it knows no keys: the renderer refuses deploy.auth.kind keys");
  describeFront(front, ": authentication", () => {
    let echo: Echo;
    beforeAll(async () => {
      echo = await startEcho();
    });
    afterAll(() => echo?.close());

    async function within(
      overrides: Parameters<typeof startFront>[2],
      use: (running: RunningFront) => Promise<void>,
      upstreamPort: number = echo.port,
    ): Promise<void> {
      const running = await startFront(front, upstreamPort, overrides);
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

    withKeys("keys: every route but the public ones wants a key; the key stays at the proxy", async () => {
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

    withKeys("keys handed on: the server sees the key", async () => {
      await within({ deploy: { auth: { kind: "keys", passKeys: true } } }, async (running) => {
        await askFront(running, "/v1/models", { headers: [["Authorization", `Bearer ${KEY}`]] });
        expect(echo.seen.at(-1)!.headers.authorization).toBe(`Bearer ${KEY}`);
      });
    });

    it("server: the proxy passes the Authorization header, and the server checks the key", async () => {
      const dir = mkdtempSync(join(tmpdir(), "gigastt-front-keys-"));
      const keyStore = openKeyStore(join(dir, "keys.sqlite"));
      const key = keyStore.create("laptop", { scopes: ["transcribe", "live"] }, Date.now()).reveal();
      const auth = { keys: "required", queryParameter: false } as const;
      const server = await startTestServer({
        config: { auth, server: { ...configWith().server, trustedProxies: ["127.0.0.1/32"], allowedHosts: [DOMAIN] } },
        keyStore,
      });
      const bearer = (value: string): [string, string] => ["Authorization", `Bearer ${value}`];
      const basic = (value: string): [string, string] => [
        "Authorization",
        `Basic ${Buffer.from(`any:${value}`).toString("base64")}`,
      ];
      try {
        await within(
          { auth, deploy: { auth: { kind: "server" } } },
          async (running) => {
            const status = async (...headers: [string, string][]): Promise<number> =>
              (await askFront(running, "/v1/models", { headers })).status;
            expect(await status(bearer(key))).toBe(200);
            expect(await status(basic(key))).toBe(200);
            for (const wrong of [bearer(`${key}x`), bearer(KEY), basic(`${key}x`), BASIC]) {
              const refused = await askFront(running, "/v1/models", { headers: [wrong] });
              expect(refused.status).toBe(401);
              expect(refused.headers["www-authenticate"]).toContain("Bearer");
            }
            expect(await status()).toBe(401);
            expect((await askFront(running, "/health")).status).toBe(200);
            const session = await openSession(running, undefined, { [bearer(key)[0]]: bearer(key)[1] });
            session.socket.close();
            await expect(openSession(running, undefined, { Authorization: `Bearer ${key}x` })).rejects.toThrow("401");
          },
          server.port,
        );
      } finally {
        await server.close();
        rmSync(dir, { recursive: true, force: true });
      }
    });

    caseWhere(certificateByRoute, "it asks for certificates on every route or none: the renderer refuses public paths")(
      "mtls: every route but the public ones wants a certificate of our CA",
      async () => {
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
      },
    );

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

    caseWhere(asksServices, "it asks no service: the renderer refuses deploy.auth.kind forward")(
      "forward: the authentication service decides, and sees whom it decides about",
      async () => {
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
      },
    );
  });
}
