import { afterEach, describe, expect, it } from "vitest";
import { request } from "undici";
import type { SupervisorReport } from "../../src/shared/process/messages.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

/** The way from the demo model to the real one, as the page and others see it. */

let server: TestServer | undefined;
afterEach(() => server?.close());

let asked = 0;
async function start({ isDemo = true, isSupervised = true, offline = false } = {}): Promise<TestServer> {
  asked = 0;
  const engine = createPacedEngine();
  server = await startTestServer({
    engine,
    config: { model: { offline } },
    ...(isSupervised ? { askSupervisor: () => Promise.resolve(void asked++) } : {}),
  });
  const { model } = engine;
  if (isDemo) Object.defineProperty(engine, "model", { get: () => model && { ...model, notice: "the demo model" } });
  return server;
}
async function ask(method: "GET" | "POST", headers: Record<string, string> = {}) {
  const answer = await request(`${server!.url}/console/model`, { method, headers });
  const text = await answer.body.text();
  return { status: answer.statusCode, body: JSON.parse(text) as Record<string, unknown> };
}

describe("GET /console/model", () => {
  it("offers the real model with size and licence, and shows the progress", async () => {
    const { runtime } = await start();
    expect((await ask("GET")).body).toEqual({
      offer: { name: "GigaAM v3 e2e RNN-T", bytes: 226_430_792, license: "MIT" },
      can_pull: true,
      pull: null,
    });
    const pull = { state: "running", model: "m", bytesDone: 1, bytesTotal: 2 } as const;
    runtime.context.phase.supervisor = { pull } as unknown as SupervisorReport; // of what it says one field is enough
    expect((await ask("GET")).body["pull"]).toEqual(pull);
    // Others see that there is one, and cannot start it.
    expect((await ask("GET", { via: "1.1 proxy" })).body["can_pull"]).toBe(false);
  });

  it("offers nothing while the real model serves", async () => {
    await start({ isDemo: false });
    expect((await ask("GET")).body).toEqual({ offer: null, can_pull: false, pull: null });
  });
});

describe("POST /console/model", () => {
  it("asks the supervisor", async () => {
    const { url } = await start();
    expect((await ask("POST", { origin: url })).status).toBe(202);
    expect(asked).toBe(1);
  });

  it.each([
    ["a page of another port of this machine", { origin: "http://127.0.0.1:1" }, 403],
    ["a page of another site", { origin: "https://evil.example" }, 403],
    ["a sibling, as the browser says", { "sec-fetch-site": "same-site" }, 403],
    ["a form without an origin", { "content-type": "text/plain" }, 403],
    ["a caller behind a proxy", { via: "1.1 proxy", origin: "own" }, 403],
  ])("refuses %s", async (_name, headers, status) => {
    const { url } = await start();
    const given = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value === "own" ? url : value]),
    );
    expect((await ask("POST", given)).status).toBe(status);
    expect(asked).toBe(0);
  });

  it.each([
    ["no supervisor runs", { isSupervised: false }],
    ["the real model serves already", { isDemo: false }],
    ["the network is forbidden", { offline: true }],
  ])("refuses when %s", async (_name, how) => {
    const { url } = await start(how);
    expect((await ask("POST", { origin: url })).status).toBe(400);
    expect(asked).toBe(0);
  });
});
