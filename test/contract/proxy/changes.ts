import { createServer } from "node:http";
import { expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import type { WsClient } from "../../support/ws-client.ts";
import { describeFront, finishSession, openSession, proxyCase } from "./cases.ts";
import { SLOW_PATH, startEcho } from "./echo.ts";
import { DOMAIN, startFront, traitsOf, type Front, type RunningFront } from "./front.ts";
import { askFront } from "./http-client.ts";

/** What docs/deploy promises for a reload, a stop and a restart while people talk. */
export function changeCases(front: Front): void {
  const cutsOnReload = front.name === "Caddy 2.6";
  const { keepsOnStop, waitsForRestart } = traitsOf(front);
  const forProxy = proxyCase(front, "there is none to reload or stop");

  describeFront(front, ": change of the proxy and of the server during live work", () => {
    forProxy(
      cutsOnReload
        ? "a reload ends live sessions at once with 1001 or 1006: this version cannot keep them"
        : "a reload keeps live sessions, and new ones come in",
      {},
      () =>
        between(front, async ({ running }) => {
          const client = await openSession(running);
          await client.nextOf("ready");
          await running.reload();
          const closed = await Promise.race([
            client.closed,
            new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1500)),
          ]);
          if (cutsOnReload) expect([1001, 1006]).toContain(closed?.code);
          else {
            expect(closed).toBeUndefined();
            expect(await finishSession(client)).toBe(1000);
          }
          expect(await finishSession(await openSession(running))).toBe(1000);
        }),
    );

    forProxy(
      !keepsOnStop
        ? "its stop ends live sessions at once with 1001 or 1006"
        : "its stop waits for live sessions: they end as they would have",
      {},
      () =>
        between(front, async ({ running }) => {
          const client = await openSession(running);
          await client.nextOf("ready");
          const stopped = running.quit();
          if (!keepsOnStop) expect([1001, 1006]).toContain((await client.closed).code);
          else {
            // It lets go of its port a moment after the signal.
            for (let next = await tryOpen(running); next !== undefined; next = await tryOpen(running))
              next.socket.terminate();
            expect(await finishSession(client)).toBe(1000);
          }
          await stopped;
        }),
    );

    forProxy("its stop lets a request in flight finish", {}, async () => {
      const echo = await startEcho();
      const running = await startFront(front, echo.port);
      try {
        const pending = askFront(running, SLOW_PATH);
        await until(() => echo.seen.some(({ url }) => url === SLOW_PATH));
        const stopped = running.quit();
        expect((await pending).status).toBe(200);
        await stopped;
      } finally {
        await running.stop();
        await echo.close();
      }
    });

    it("a drain of the server reaches the client: final, then 1001", () =>
      between(front, async ({ server, running }) => {
        const client = await openSession(running);
        await client.nextOf("ready");
        client.audio(new Uint8Array(9600));
        const report = server.runtime.drain.begin("test");
        await client.nextOf("final");
        expect((await client.closed).code).toBe(1001);
        expect((await report).cut).toBe(0);
      }));

    forProxy(
      waitsForRestart
        ? "a request during a restart of the server waits for the new one"
        : "a request during a restart of the server gets 502",
      {},
      async () => {
        const first = await startEcho();
        const running = await startFront(front, first.port);
        try {
          expect((await askFront(running, "/health")).status).toBe(200);
          await first.close();
          const pending = askFront(running, "/v1/models");
          await new Promise((resolve) => setTimeout(resolve, 700));
          const second = createServer((_request, response) => response.end("second"));
          await new Promise<void>((resolve) => second.listen(first.port, "127.0.0.1", resolve));
          const reply = await pending;
          expect(reply.status).toBe(waitsForRestart ? 200 : 502);
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

async function between(
  front: Front,
  use: (parts: { readonly server: TestServer; readonly running: RunningFront }) => Promise<void>,
): Promise<void> {
  const config = {
    server: {
      trustedProxies: front.kind === "none" ? [] : ["127.0.0.1/32"],
      allowedOrigins: [],
      allowedHosts: [DOMAIN],
    },
    session: { idleTimeoutMs: 60_000 },
  };
  const server = await startTestServer({ config });
  try {
    const running = await startFront(front, server.port, config);
    try {
      await use({ server, running });
    } finally {
      await running.stop();
    }
  } finally {
    await server.close();
  }
}

/** A connection that came in while the proxy closed its port may be neither taken nor refused. */
async function tryOpen(running: RunningFront): Promise<WsClient | undefined> {
  return openSession(running, undefined, undefined, 2000).catch(() => undefined);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
