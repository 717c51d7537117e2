import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { statSync } from "node:fs";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/runtime-server.ts";

// What a browser and a cache see of the console, before any program of it runs.
describe("the console over HTTP", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  const get = async (path: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" = "GET") => {
    const answer = await request(`${server.url}${path}`, { headers, method });
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) };
  };
  const addressOf = async (name: string): Promise<string> => {
    const page = (await get("/")).body.toString();
    return `/${new RegExp(`console/${name}\\?v=[\\w-]+`).exec(page)?.[0]}`;
  };

  it("answers a page with a fresh nonce and a policy that allows its own files only", async () => {
    const [first, second] = [await get("/"), await get("/")];
    expect(first.status).toBe(200);
    expect(first.headers["cache-control"]).toBe("no-store");
    const nonce = /'nonce-([^']+)'/.exec(String(first.headers["content-security-policy"]))?.[1] ?? "";
    expect(nonce.length).toBeGreaterThan(20);
    expect(first.body.toString()).toContain(`data-nonce="${nonce}"`);
    expect(String(first.headers["content-security-policy"]).replace(nonce, "N")).toMatchInlineSnapshot(
      `"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-N'; img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"`,
    );
    expect(second.body.toString()).not.toContain(nonce);
    expect(first.headers["permissions-policy"]).toContain("microphone=(self)");
    // Below any path of a proxy: no address begins at the root, and none is of another host.
    expect(first.body.toString()).not.toMatch(/(?:src|href)="(?:\/|https?:)/);
  });

  it("closes every other answer", async () => {
    for (const path of ["/health", "/v1/models", "/nothing", "/console/nothing"]) {
      const { headers } = await get(path);
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["permissions-policy"]).toContain("microphone=()");
    }
  });

  it("delivers its files in the encoding that is asked for, to be kept for a year at an address with their version", async () => {
    const address = await addressOf("app.js");
    const plain = await get(address);
    expect(plain.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const br = await get(address, { "accept-encoding": "gzip, deflate, br" });
    const gzip = await get(address, { "accept-encoding": "br;q=0, gzip" });
    expect([br.headers["content-encoding"], gzip.headers["content-encoding"]]).toEqual(["br", "gzip"]);
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true);
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    expect(plain.headers["vary"]).toContain("Accept-Encoding");
    const head = await get(address, { "accept-encoding": "br" }, "HEAD");
    expect([head.status, head.headers["content-encoding"], head.body.length]).toEqual([200, "br", 0]);

    const etag = String(br.headers["etag"]);
    const known = await get("/console/app.js", { "accept-encoding": "br", "if-none-match": `"x", W/${etag}` });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    expect(known.headers["cache-control"]).toBe("no-cache");
    expect((await get("/console/app.js", { "if-none-match": etag })).status).toBe(200);
  });

  it("delivers nothing else, whatever the path says", async () => {
    for (const name of ["..%2f..%2fpackage.json", "app.js.br", "%00", "constructor", "__proto__", "app.js%2f", "%ff"]) {
      expect((await get(`/console/${name}`)).status, name).toBeGreaterThanOrEqual(400);
    }
  });

  it("is at most 120 KB compressed", () => {
    const names = ["app.js", "style.css", "worklet.js", "offline.js", "icon.svg", "manifest.webmanifest"];
    const sizes = names.map((name) => statSync(new URL(`../../dist/console/${name}.br`, import.meta.url)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120_000);
  });

  it("tells the status on its own machine alone", async () => {
    expect(JSON.parse((await get("/console/status")).body.toString())).toMatchObject({
      state: "ready",
      slots: { used: 0, total: 4 },
      live: { sessions: 0 },
      supervisor: null,
    });
    const others: readonly Record<string, string>[] = [
      { "x-forwarded-for": "127.0.0.1" },
      { forwarded: "for=127.0.0.1" },
      { via: "1.1 proxy" },
      { "x-real-ip": "127.0.0.1" },
      { host: "gigastt" },
      { origin: "https://evil.example" },
    ];
    for (const headers of others) {
      expect((await get("/console/status", headers)).status, JSON.stringify(headers)).toBe(403);
    }
  });

  it("is off at once, and on again, with console.enabled", async () => {
    const { current } = server.runtime.context.settings;
    const turn = (enabled: boolean): void => {
      expect(server.runtime.reload({ ...current, console: { ...current.console, enabled } })).toBeUndefined();
    };
    turn(false);
    for (const path of ["/", "/console/app.js", "/console/status"]) expect((await get(path)).status).toBe(404);
    expect((await get("/health")).status).toBe(200);
    turn(true);
    expect((await get("/")).status).toBe(200);
  });

  it("may be framed by the pages that the configuration names, and only by them", async () => {
    const { current } = server.runtime.context.settings;
    server.runtime.reload({ ...current, console: { enabled: true, frameOrigins: ["https://home.example.com"] } });
    const { headers } = await get("/");
    server.runtime.reload(current);
    expect(headers["content-security-policy"]).toContain("frame-ancestors https://home.example.com");
    expect(headers["x-frame-options"]).toBeUndefined();
  });
});
