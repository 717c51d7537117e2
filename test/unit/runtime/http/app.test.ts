import { afterAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../src/runtime/http/app.ts";
import { createRuntime } from "../../../../src/runtime/runtime.ts";
import type { Runtime } from "../../../../src/runtime/runtime.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import type { ServerConfig } from "../../../../src/config/types.ts";
import { ALL_ROUTES, allowedMethods, answersPreflight } from "../../../../src/shared/protocol.ts";
import { createLogger } from "../../../../src/shared/log.ts";
import { appRequest } from "../../../support/app-request.ts";
import { createPacedEngine } from "../../../support/paced-engine.ts";
import { configWith } from "../../../support/runtime-server.ts";

const runtimes: Runtime[] = [];
afterAll(() => runtimes.forEach((runtime) => runtime.release()));

type Ask = (target: string, init?: Parameters<typeof appRequest>[3]) => Promise<Response>;

async function appWith(server: Partial<ServerConfig> = {}, perMinute = 0): Promise<Ask> {
  const runtime = createRuntime({
    config: configWith({ server: { ...defaultConfig.server, ...server }, rateLimit: { perMinute, burst: 1 } }),
    engine: createPacedEngine(),
    version: "0.0.0-test",
    log: createLogger({ level: "fatal", stream: { write: () => {} } }),
  });
  runtimes.push(runtime);
  await runtime.start();
  const app = createApp(runtime.context);
  return (target, init) => appRequest(app, runtime.context, target, init);
}
/** The code of an error in the form of any face. */
const codeOf = async (response: Response): Promise<unknown> => {
  const text = await response.text();
  if (text === "") return response.headers.get("x-error-code");
  const body = JSON.parse(text) as { code?: unknown; error?: unknown }; // the server's own answer
  return body.code ?? (body.error as { code?: unknown }).code;
};

describe("policies of the routes, asked through app.request()", () => {
  it("checks the host on every route but the probes, and on paths that no route takes", async () => {
    const ask = await appWith();
    const headers = { host: "rebound.example" };
    for (const { path, methods, traffic } of ALL_ROUTES) {
      for (const method of [...methods, "OPTIONS", "PUT"]) {
        const response = await ask(path, { method, headers });
        const denied = response.status === 403 && (await codeOf(response)) === "host_denied";
        expect(denied, `${method} ${path}`).toBe(traffic !== "probe");
      }
    }
    expect(await codeOf(await ask("/nothing", { headers }))).toBe("host_denied");
  });

  it("checks the authority of an absolute request target like the Host header", async () => {
    const ask = await appWith({ allowedHosts: ["stt.example.com"] });
    expect((await ask("http://rebound.example/v1/models")).status).toBe(403);
    expect((await ask("http://stt.example.com/v1/models")).status).toBe(200);
  });

  it("says which name is missing in which key", async () => {
    const ask = await appWith();
    expect(await (await ask("/v1/models", { headers: { host: "stt.example.com:8443" } })).json()).toEqual({
      error: "the host stt.example.com:8443 is not allowed; list it in server.allowedHosts",
      code: "host_denied",
    });
  });

  it("checks the origin wherever the table says so, also on refusals", async () => {
    const ask = await appWith({ allowedOrigins: ["https://page.example"] });
    for (const route of ALL_ROUTES) {
      for (const method of [...route.methods, "PUT"]) {
        const foreign = await ask(route.path, { method, headers: { origin: "https://evil.example" } });
        expect(foreign.status === 403, `${method} ${route.path}`).toBe(route.checksOrigin);
        expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
        const listed = await ask(route.path, { method, headers: { origin: "https://page.example" } });
        expect(listed.headers.get("access-control-allow-origin"), `${method} ${route.path}`).toBe(
          route.checksOrigin ? "https://page.example" : null,
        );
      }
    }
  });

  it("answers the preflight of the official OpenAI SDK in a page, for a home-network address too", async () => {
    const ask = await appWith();
    const names =
      "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout";
    for (const route of ALL_ROUTES.filter(answersPreflight)) {
      const response = await ask(route.path, {
        method: "OPTIONS",
        headers: {
          origin: "http://localhost:5173",
          "access-control-request-method": "POST",
          "access-control-request-headers": names,
          "access-control-request-private-network": "true",
        },
      });
      expect(response.status).toBe(204);
      const granted = response.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
      expect(granted).toEqual(expect.arrayContaining(names.split(",")));
      expect(response.headers.get("access-control-allow-private-network")).toBe("true");
      const methods = response.headers.get("access-control-allow-methods")?.split(", ");
      expect(methods).toEqual(expect.arrayContaining(allowedMethods(route).filter((method) => method !== "HEAD")));
      expect(response.headers.get("access-control-expose-headers")).toBe(
        "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Offset, X-Request-Id",
      );
    }
  });

  it("takes a page that this server itself serves for its own", async () => {
    const ask = await appWith();
    const own = { host: "192.168.1.5:9876", origin: "http://192.168.1.5:9876" };
    expect((await ask("/v1/models", { headers: own })).status).toBe(200);
    expect((await ask("/v1/models", { headers: { ...own, origin: "https://192.168.1.5:9876" } })).status).toBe(403);
    const rebound = { host: "rebound.example", origin: "http://rebound.example" };
    expect(await codeOf(await ask("/v1/models", { headers: rebound }))).toBe("host_denied");
  });

  it("takes a token wherever the table says so, and none for a refused page, a preflight or a wrong method", async () => {
    for (const route of ALL_ROUTES.filter(({ traffic }) => traffic !== "websocket")) {
      const ask = await appWith({}, 1);
      const [method] = route.methods;
      await ask(route.path, { method: "OPTIONS", headers: { origin: "http://localhost" } });
      await ask(route.path, { method, headers: { origin: "https://evil.example" } });
      await ask(route.path, { method: "PUT" });
      const client = "192.0.2.9";
      const first = await ask(route.path, { method, client });
      const second = await ask(route.path, { method, client });
      const own = await ask(route.path, { method });
      expect([first.status, own.status].includes(429), route.path).toBe(!route.checksOrigin && route.isLimited);
      expect(second.status === 429, route.path).toBe(route.isLimited);
      if (route.isLimited) {
        expect(second.headers.get("retry-after")).toBe("60");
        expect(second.headers.get("x-request-id")).toBe("test");
      }
    }
  });
});
