import { createServer as createHttpsServer } from "node:https";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { runLive } from "../../../../src/checks/live/run.ts";
import { createAssumptions } from "../../../../src/audit/model/assume.ts";
import type { Judged } from "../../../../src/audit/observe/verdict.ts";
import { createCa, createServerCertificate } from "../../../../src/shared/tls/pki.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

/** A service with every mistake that a request can show. */
const WRONG: RequestListener = (request, response) => {
  const { url = "" } = request;
  response.setHeader("Access-Control-Allow-Origin", "*");
  if (/metrics/i.test(url)) response.end("# TYPE sessions gauge\nsessions 1\n");
  else if (url === "/config/") response.end('{"apps":{}}');
  else if (url === "/.env") response.end("KEY=1\n");
  else response.end('{"status":"ok"}');
};

describe("live probes that may not ask everything", () => {
  it.each(["http", "https"] as const)(
    "never take for well what they did not ask: an %s service with every mistake, with 1 to 60 requests",
    { timeout: 60_000 },
    async (scheme) => {
      const ca = await createCa("a CA", new Date());
      const pair = await createServerCertificate(ca, ["localhost", "127.0.0.1"], new Date());
      const options = {
        cert: pair.certificate,
        key: pair.privateKey,
        minVersion: "TLSv1" as const,
        ciphers: "DEFAULT@SECLEVEL=0",
      };
      server = scheme === "https" ? createHttpsServer(options, WRONG) : createServer(WRONG);
      await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo; // a TCP server
      const run = async (requests: number): Promise<ReadonlyMap<string, Judged["verdict"]>> => {
        const judged = await runLive({
          target: {
            url: new URL(`${scheme}://127.0.0.1:${port}`),
            httpPort: port,
            connectTo: undefined,
            ca: ca.certificate,
            clientCertificate: undefined,
            authorization: undefined,
            timeoutMs: 3000,
            signal: new AbortController().signal,
          },
          limits: { requests, timeMs: 30_000, slowBodyMs: 500, slowHeadersMs: 500 },
          assume: createAssumptions({
            given: {
              "session.idleTimeout": "1s",
              "rateLimit.perMinute": "1",
              "rateLimit.burst": "3",
              "limits.body": "100",
            },
          }),
          open: false,
          progress: () => {},
        });
        return new Map(judged.map(({ rule, verdict }) => [rule.id, verdict]));
      };
      const all = await run(200);
      const wrong = [...all].filter(([, verdict]) => verdict.result === "found").map(([id]) => id);
      expect(wrong).toEqual(
        expect.arrayContaining(["GA-LIV-001", "GA-LIV-002", "GA-LIV-005", "GA-LIV-013", "GA-LIV-014", "GA-LIV-015"]),
      );
      if (scheme === "https") expect(wrong).toEqual(expect.arrayContaining(["GA-LIV-009", "GA-LIV-010", "GA-LIV-011"]));
      for (const requests of [1, 4, 8, 12, 18, 24, 32, 45]) {
        const some = await run(requests);
        const whitewashed = wrong.filter((id) => some.get(id)?.result === "ok");
        expect(whitewashed, `${requests} requests`).toEqual([]);
      }
    },
  );
});
