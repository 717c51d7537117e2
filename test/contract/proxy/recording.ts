import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BASIC, describeFront, FORGED, MIB, proxyCase } from "./cases.ts";
import { EVENTS, startEcho, type Echo } from "./echo.ts";
import { DOMAIN, startFront, traitsOf, type Front, type RunningFront } from "./front.ts";
import { ask, askFront, askRefused } from "./http-client.ts";

const EVENT_LAG_MS = 100;
const STREAM_TRIES = 3;

/** What the server behind the proxy sees, and what the client gets back. */
export function recordingCases(front: Front): void {
  describeFront(front, " in front of a recording server", () => {
    const forProxy = (reason: string): ReturnType<typeof proxyCase> => proxyCase(front, reason);
    const { addsPolicy, countsChunks, dropsUnknownNames, redirectOfGet } = traitsOf(front);
    const countsLength = front.kind !== "traefik";
    let echo: Echo;
    let running: RunningFront;
    beforeAll(async () => {
      echo = await startEcho();
      running = await startFront(front, echo.port, {
        deploy: { auth: { kind: "basic" } },
        limits: { asrBodyBytes: 60 * MIB },
      });
    });
    afterAll(async () => {
      await running?.stop();
      await echo?.close();
    });

    for (const [name, value] of FORGED)
      forProxy("they reach the server, which believes none of them: see its rate limit below")(
        `a forged ${name} does not reach the server`,
        {},
        async () => {
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

    forProxy("nobody speaks for the client")(
      "the server sees the name, the scheme and no credentials",
      {},
      async () => {
        const before = echo.seen.length;
        await askFront(running, "/v1/models", {
          headers: [BASIC, ["X-Forwarded-Proto", "gopher"], ["X-Forwarded-Host", "evil.example"]],
        });
        const { headers } = echo.seen[before]!;
        expect(headers["x-forwarded-proto"]).toBe("https");
        expect(headers["x-forwarded-host"]).toContain(DOMAIN);
        expect(headers.host).toContain(DOMAIN);
        expect(headers.authorization).toBeUndefined();
      },
    );

    it("every event of a stream arrives within 100 ms", async () => {
      const worstLagsMs: number[] = [];
      // A busy machine can hold one stream up, a proxy that buffers holds up every one: its events come with the end of the stream.
      while (worstLagsMs.length < STREAM_TRIES && !worstLagsMs.some((lag) => lag < EVENT_LAG_MS)) {
        const before = echo.seen.length;
        const arrivedAtMs = await eventTimes(running);
        if (front.kind !== "none") {
          expect(echo.seen[before]!.headers["x-forwarded-for"]).toBe("127.0.0.1");
          expect(echo.seen[before]!.rawHeaders.join("\n")).not.toContain("6.6.6.6");
        }
        expect(arrivedAtMs).toHaveLength(EVENTS);
        worstLagsMs.push(Math.max(...arrivedAtMs.map((at, i) => at - echo.sentAtMs[i]!)));
      }
      console.log(`${front.name}: largest lag of an event ${worstLagsMs.map((lag) => lag.toFixed(1)).join(", ")} ms`);
      expect(Math.min(...worstLagsMs)).toBeLessThan(EVENT_LAG_MS);
    });

    for (const chunked of countsChunks ? [false, true] : countsLength ? [false] : [])
      forProxy("the limit is the server's then, see below")(
        `49 MiB pass and 51 MiB get 413 (chunked: ${chunked})`,
        { timeout: 60_000 },
        async () => {
          const small = await askFront(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 49 * MIB, chunked });
          expect(small.status).toBe(200);
          expect(JSON.parse(small.body)).toEqual({ bodyBytes: 49 * MIB });
          const large = await askRefused(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 51 * MIB, chunked });
          expect(large.status).toBe(413);
        },
      );

    if (countsLength)
      forProxy("the limit is the server's then")(
        "a film of more than limits.body passes to /asr and /detect-language, and one of more than limits.asrBody gets 413",
        { timeout: 120_000 },
        async () => {
          for (const path of ["/asr?output=srt&encode=false", "/detect-language?encode=false"]) {
            const film = await askFront(running, path, {
              headers: [BASIC],
              bodyBytes: 59 * MIB,
              chunked: countsChunks,
            });
            expect([film.status, film.body]).toEqual([200, JSON.stringify({ bodyBytes: 59 * MIB })]);
            const longer = await askRefused(running, path, { headers: [BASIC], bodyBytes: 61 * MIB });
            expect(longer.status).toBe(413);
          }
        },
      );

    forProxy("the proxy owns them")(
      "the security headers are on 200, 401, 404 and 413, each once, and the server's own are dropped",
      {},
      async () => {
        const replies = [
          await askFront(running, "/v1/models", { headers: [BASIC] }),
          await askFront(running, "/v1/models"),
          await askFront(running, "/missing", { headers: [BASIC] }),
          await askFront(running, "/metrics", { headers: [BASIC] }),
          ...(countsLength
            ? [await askRefused(running, "/v1/transcribe", { headers: [BASIC], bodyBytes: 51 * MIB })]
            : []),
        ];
        expect(replies.map(({ status }) => status)).toEqual([200, 401, 404, 404, ...(countsLength ? [413] : [])]);
        for (const { headers, status } of replies) {
          expect(headers["strict-transport-security"], String(status)).toBe("max-age=63072000");
          expect(headers["x-content-type-options"], String(status)).toBe("nosniff");
          expect(headers["x-frame-options"], String(status)).toBe("DENY");
          expect(headers["referrer-policy"], String(status)).toBe("no-referrer");
          if (addsPolicy) {
            expect(headers["permissions-policy"], String(status)).toContain("microphone=()");
            expect(headers["content-security-policy"], String(status)).toContain("default-src 'none'");
          }
          expect(headers["server"] ?? "", String(status)).not.toMatch(/upstream|\d/);
        }
      },
    );

    forProxy("the server's port is not public")("metrics are closed, also with a slash", {}, async () => {
      const before = echo.seen.length;
      for (const path of ["/metrics", "/metrics/", "/metrics/x"])
        expect((await askFront(running, path, { headers: [BASIC] })).status, path).toBe(404);
      expect(echo.seen).toHaveLength(before);
    });

    forProxy("there is no HTTPS")(
      "plain HTTP is sent to the literal name with 308, whatever the path",
      {},
      async () => {
        const reply = await ask({ port: running.httpPort, path: "/v1/models?a=b" });
        expect(reply.status).toBe(redirectOfGet);
        expect(reply.headers.location).toBe(`https://${DOMAIN}:${running.httpsPort}/v1/models?a=b`);
        const post = await ask({ port: running.httpPort, path: "/v1/transcribe", bodyBytes: 10 });
        expect(post.status).toBe(308);
      },
    );

    forProxy("the server answers whoever reaches its loopback port")(
      "an unknown name is refused: over plain HTTP, in the handshake, and after a right handshake",
      {},
      async () => {
        const before = echo.seen.length;
        const stray = ask({ port: running.httpPort, path: "/", headers: [["Host", "evil.example"]] });
        if (dropsUnknownNames) await expect(stray).rejects.toThrow();
        else expect((await stray).status).toBe(404);
        await expect(askFront(running, "/health", { servername: "evil.example" })).rejects.toThrow();
        const host = await askFront(running, "/health", { headers: [["Host", "evil.example"]] }).catch(() => undefined);
        // 421 is the proxy's own answer to a name that does not fit the handshake.
        expect(host === undefined || host.status === (dropsUnknownNames ? 421 : 404)).toBe(true);
        expect(echo.seen).toHaveLength(before);
      },
    );
  });
}

// ---

/** When each event of the stream arrived, milliseconds of the monotonic clock. */
async function eventTimes(running: RunningFront): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const request = (running.ca === undefined ? httpRequest : httpsRequest)(
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
