import { describe, expect, it } from "vitest";
import { derive } from "../../../src/config/derived.ts";
import { configWith } from "../render/base-config.ts";

describe("derived settings", () => {
  it("have the documented values for the defaults", () => {
    const proxied = {
      limits: { minUploadKbps: 1500 },
      deploy: { domain: "stt.example.com", proxy: { kind: "nginx" as const }, tls: { hsts: "on" as const } },
    };
    expect(derive(configWith(proxied))).toEqual({
      server: {
        keepAliveTimeoutS: 65,
        headersTimeoutS: 70,
        requestTimeoutS: 310,
        ssePingS: 15,
        publicOrigin: "https://stt.example.com",
      },
      proxy: {
        bodyBytes: 52_428_800,
        asrBodyBytes: 268_435_456,
        streamTimeoutS: 330,
        restReadTimeoutS: 930,
        holdReadTimeoutS: 1200,
        restSendTimeoutS: 330,
        sessionCapS: 3615,
        keepAliveS: 30,
        keepAliveConnections: 16,
        dialTimeoutS: 2,
        clientIdleS: 300,
        readHeaderS: 15,
        bodyReadS: 60,
        healthReadTimeoutS: 5,
        gracePeriodS: 15,
        tryDurationS: 5,
        connectionsPerClient: 4,
        ratePerMinute: 0,
        rateBurst: 0,
        workerConnections: 1024,
        hstsMaxAgeS: 63_072_000,
        unitStopS: 20,
      },
      unit: { stopS: 20, startS: 300 + 30 + 10, watchdogS: 60, memoryMiB: 3072 },
      compose: { appStopS: 20, proxyStopS: 30, healthStartS: 300, memoryMiB: 1536 },
      postgres: { memoryMiB: 1024, sharedBuffersMiB: 256, effectiveCacheMiB: 768, workMemMiB: 5, maintenanceMiB: 64 },
      serverMemoryMiB: 1536,
      tmpMiB: 256,
      kubernetes: {
        preStopS: 10,
        restRouteS: 1240,
        graceS: 30,
        workerGraceS: 20,
        audioPerWorkerS: 3000,
        startupFailures: 60,
        progressDeadlineS: 600,
        scaleDownStabilizationS: 600,
        scaleDownPeriodS: 60,
        memoryMiB: 1536,
      },
    });
  });

  it("round up whatever is not a whole second", () => {
    const derived = derive(configWith({ session: { idleTimeoutMs: 1500 }, shutdown: { drainMs: 1100 } }));
    expect(derived.proxy.streamTimeoutS).toBe(32);
    expect(derived.proxy.gracePeriodS).toBe(7);
  });

  it("assume an hour where sessions have no cap", () => {
    expect(derive(configWith({ session: { maxDurationMs: 0 } })).proxy.sessionCapS).toBe(3615);
  });

  it("give the origin its port only when it is unusual, and http without TLS", () => {
    const origin = (
      deploy: Parameters<typeof configWith>[0] extends infer O
        ? NonNullable<O> extends { deploy?: infer D }
          ? D
          : never
        : never,
    ): string | undefined =>
      derive(configWith({ deploy: { domain: "a.example.com", proxy: { kind: "caddy" }, ...deploy } })).server
        .publicOrigin;
    expect(origin({ httpsPort: 8443 })).toBe("https://a.example.com:8443");
    expect(origin({ tls: { mode: "none" } })).toBe("http://a.example.com");
    expect(origin({ tls: { mode: "none" }, httpPort: 8080 })).toBe("http://a.example.com:8080");
    expect(origin({ proxy: { kind: "none" } })).toBeUndefined();
  });
});
