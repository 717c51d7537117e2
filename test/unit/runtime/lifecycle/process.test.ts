import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../../src/engine/contract.ts";
import { createControlChannel } from "../../../../src/runtime/lifecycle/control-channel.ts";
import { createDeferredEngine } from "../../../../src/runtime/lifecycle/deferred-engine.ts";
import { createRequestStats } from "../../../../src/runtime/metrics/stats.ts";
import { createPacedEngine } from "../../../support/paced-engine.ts";

describe("createControlChannel", () => {
  const ipc = () => {
    const sent: unknown[] = [];
    const fake = Object.assign(new EventEmitter(), {
      connected: true,
      send: (message: unknown) => sent.push(message) > 0,
      disconnect: () => {
        fake.connected = false;
      },
    });
    return { sent, fake, channel: createControlChannel(fake) };
  };

  it("passes known messages on and ignores all others", () => {
    const { fake, channel } = ipc();
    const seen: unknown[] = [];
    channel.onMessage((message) => seen.push(message.type));
    for (const message of [{ type: "drain" }, { type: "dance" }, "drain", null, 7, {}, { type: "probe", id: 1 }]) {
      fake.emit("message", message);
    }
    expect(seen).toEqual(["drain", "probe"]);
  });

  it("sends while connected, closes once, and notices the end of the supervisor", () => {
    const { fake, sent, channel } = ipc();
    let gone = 0;
    channel.onDisconnect(() => gone++);
    channel.send({ type: "reloaded", id: 1 });
    channel.close();
    channel.send({ type: "reloaded", id: 2 });
    channel.close();
    fake.emit("disconnect");
    expect([sent, gone]).toEqual([[{ type: "reloaded", id: 1 }], 1]);
  });
});

describe("createDeferredEngine", () => {
  it("is loading until built and refuses work with initializing", async () => {
    const engine = createDeferredEngine(async () => createPacedEngine());
    expect([engine.state, engine.model, engine.stats().workers]).toEqual(["loading", undefined, 0]);
    expect(() => engine.openStream({} as Parameters<Engine["openStream"]>[0])).toThrow("still loading"); // never looked at
    await engine.start();
    expect([engine.state, engine.model?.id, engine.stats().workers]).toEqual(["ready", "paced", 1]);
  });

  it("hands the inference listener on, whether it came before or after the build", async () => {
    const stub = createPacedEngine();
    const engine = createDeferredEngine(async () => stub);
    const early = () => {};
    engine.onInference = early;
    await engine.start();
    expect(stub.onInference).toBe(early);
    engine.onInference = undefined;
    expect(stub.onInference).toBeUndefined();
  });

  it("says failed when it cannot be built, and closed when it was closed first", async () => {
    const failing = createDeferredEngine(() => Promise.reject(new Error("no model")));
    await expect(failing.start()).rejects.toThrow("no model");
    expect(failing.state).toBe("failed");
    const stub = createPacedEngine();
    const closed = createDeferredEngine(async () => stub);
    await closed.close();
    await closed.start().catch(() => {});
    expect(closed.state).toBe("closed");
  });
});

describe("createRequestStats", () => {
  it("counts requests and failures, deliberate 503s aside, and tells latencies of the last few hundred", () => {
    const stats = createRequestStats();
    expect(stats.latencyMs()).toBeUndefined();
    for (let ms = 1; ms <= 1000; ms++) stats.record(ms === 1 ? 500 : 200, ms);
    stats.record(503, 1000);
    expect([stats.requestsTotal, stats.failuresTotal]).toEqual([1001, 1]);
    expect(stats.latencyMs()?.p50).toBeGreaterThan(700);
    expect(stats.latencyMs()?.p99).toBeGreaterThanOrEqual(995);
    expect(stats.takeLoopLagMs()).toBeGreaterThanOrEqual(0);
    stats.close();
  });
});
