import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { runLive } from "../../../../src/checks/live/run.ts";
import { createAssumptions } from "../../../../src/audit/model/assume.ts";
import type { Verdict } from "../../../../src/audit/observe/verdict.ts";

const LIMIT_BYTES = 2_000_000;

/** What the probes say of a service that is well, but on a busy machine or far away. */
async function judge(
  answer: RequestListener,
  given: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ReadonlyMap<string, Verdict>> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server
  try {
    const judged = await runLive({
      target: {
        url: new URL(`http://127.0.0.1:${port}`),
        httpPort: port,
        connectTo: undefined,
        ca: undefined,
        clientCertificate: undefined,
        authorization: undefined,
        timeoutMs,
        signal: new AbortController().signal,
      },
      limits: { requests: 100, timeMs: 60_000, slowBodyMs: 500, slowHeadersMs: 500 },
      assume: createAssumptions({
        given: {
          "session.idleTimeout": "1s",
          "limits.body": String(LIMIT_BYTES),
          "rateLimit.perMinute": "0",
          ...given,
        },
      }),
      open: true,
      progress: () => {},
    });
    return new Map(judged.map(({ rule, verdict }) => [rule.id, verdict]));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const isOver = (headers: Readonly<Record<string, unknown>>): boolean =>
  Number(headers["content-length"] ?? 0) > LIMIT_BYTES;

describe.concurrent("live probes of a service that is slow", { timeout: 90_000 }, () => {
  it("GA-LIV-001 does not say that a limit is missing which gives a token back with every answer", async ({
    expect,
  }) => {
    const tokenMs = 50;
    let [tokens, sinceMs] = [3, performance.now()];
    const limited: RequestListener = (request, response) => {
      void sleep(request.url === "/v1/models" ? tokenMs + 10 : 0).then(() => {
        const nowMs = performance.now();
        tokens = Math.min(3, tokens + (nowMs - sinceMs) / tokenMs);
        sinceMs = nowMs;
        response.statusCode = request.url !== "/v1/models" || tokens >= 1 ? 200 : 429;
        if (request.url === "/v1/models") tokens -= 1;
        response.end("{}");
      });
    };
    const verdicts = await judge(
      limited,
      { "rateLimit.perMinute": String(60_000 / tokenMs), "rateLimit.burst": "3" },
      5000,
    );
    expect(verdicts.get("GA-LIV-001")).toMatchObject({
      result: "not-checked",
      reason: expect.stringContaining("fills as fast as it can be emptied"),
    });
  });

  it("GA-LIV-006 waits for a refusal that takes longer than 2 s", async ({ expect }) => {
    const refusing: RequestListener = (request, response) => {
      if (request.method !== "POST") response.end("{}");
      else if (isOver(request.headers)) setTimeout(() => response.writeHead(413).end(), 2200);
    };
    expect((await judge(refusing, {}, 10_000)).get("GA-LIV-006")).toMatchObject({ result: "ok" });
  });

  it("GA-LIV-006 says of a service that answers nothing in time that it was not checked", async ({ expect }) => {
    let healths = 0;
    const silent: RequestListener = (request, response) => {
      if (request.method === "POST") return;
      // The first answer says that somebody is there.
      const delayMs = request.url === "/health" && (healths += 1) > 1 ? 900 : 0;
      setTimeout(() => response.end("{}"), delayMs);
    };
    expect((await judge(silent, {}, 2000)).get("GA-LIV-006")).toMatchObject({
      result: "not-checked",
      reason: expect.stringContaining("too slowly to tell"),
    });
  });

  it("GA-LIV-006 finds a limit that is missing where the service is prompt", async ({ expect }) => {
    const open: RequestListener = (request, response) => {
      if (request.method !== "POST") response.end("{}");
    };
    expect((await judge(open, {}, 4000)).get("GA-LIV-006")).toMatchObject({
      result: "found",
      problems: [{ message: expect.stringContaining("is not refused with 413") }],
    });
  });
});
