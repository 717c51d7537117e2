import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { derive } from "../../../src/config/derived.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith } from "./base-config.ts";
import { randomConfig } from "./random-config.ts";

const RUNS = 60;
const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };

it(`haproxy.cfg keeps every invariant (${RUNS} random configurations)`, () => {
  fc.assert(
    fc.property(randomConfig, (random) => {
      const config = onHost(random, "haproxy");
      if (config.deploy.auth.kind === "forward") {
        expect(() => filesOf(config)).toThrow(/Lua script.*Cure:/);
        return;
      }
      const text = filesOf(config).get("haproxy/haproxy.cfg")!;
      const { proxy } = derive(config);
      expect(text.match(/set-header X-Forwarded-For %\[src\]/g)).toHaveLength(1);
      expect(text).not.toMatch(/^ *option forwardfor|\{\{|undefined/m);
      expect(seconds(text, "tunnel")).toBeGreaterThan(config.session.idleTimeoutMs / 1000);
      expect(seconds(text, "server")).toBe(proxy.holdReadTimeoutS);
      expect(text).toContain(`content-length) gt ${proxy.bodyBytes} }`);
      const checks = { basic: "http_auth(gigastt)", keys: "known_key one_key", mtls: " verify ", none: "", server: "" };
      expect(text).toContain(checks[config.deploy.auth.kind]);
    }),
    { numRuns: RUNS },
  );
});

it(`Traefik's files keep every invariant (${RUNS} random configurations)`, () => {
  fc.assert(
    fc.property(randomConfig, (random) => {
      const config = onHost(random, "traefik");
      const { auth, publicPaths, cdnCidrs } = config.deploy;
      if (auth.kind === "keys" || (auth.kind === "mtls" && publicPaths.length > 0) || cdnCidrs.length > 0) {
        expect(() => filesOf(config)).toThrow(/Cure: set deploy\./);
        return;
      }
      const files = filesOf(config);
      const { http, tls } = parseYaml(files.get("traefik/gigastt.yml")!); // any: untyped YAML
      const { entryPoints } = parseYaml(files.get("traefik/traefik.yml")!);
      for (const point of Object.values<{ forwardedHeaders?: unknown; transport: never }>(entryPoints)) {
        expect(point.forwardedHeaders).toBeUndefined();
        expect(point.transport["respondingTimeouts"]["readTimeout"]).toBe(`${derive(config).server.requestTimeoutS}s`);
      }
      const middlewares: readonly string[] = http.routers.gigastt.middlewares;
      expect(middlewares.includes("gigastt-auth")).toBe(auth.kind === "basic" || auth.kind === "forward");
      for (const name of middlewares) expect(http.middlewares[name]).toBeDefined();
      if (auth.kind === "mtls")
        expect(tls.options.default.clientAuth.clientAuthType).toBe("RequireAndVerifyClientCert");
    }),
    { numRuns: RUNS },
  );
});

it("a word that HAProxy would read as more than a word is refused or quoted", () => {
  const at = (secretsDir: string): string =>
    filesOf(
      configWith({
        deploy: { domain: "stt.example.com", secretsDir, proxy: { kind: "haproxy" }, auth: { kind: "keys" } },
      }),
    ).get("haproxy/haproxy.cfg")!;
  expect(at("/srv/my keys")).toContain('-f "/srv/my keys/keys.haproxy"');
  for (const bad of ["/srv/$HOME", "/srv/%[src]"]) expect(() => at(bad)).toThrow(/cannot be written safely/);
});

// ---

function onHost(config: ResolvedConfig, kind: "haproxy" | "traefik"): ResolvedConfig {
  return {
    ...config,
    supervisor: { ...config.supervisor, proxy: { ...config.supervisor.proxy, managed: false } },
    deploy: {
      ...config.deploy,
      target: "host",
      domain: "stt.example.com",
      proxy: { ...config.deploy.proxy, kind, version: "auto" },
    },
  };
}

function filesOf(config: ResolvedConfig): ReadonlyMap<string, string> {
  const { kind } = config.deploy.proxy;
  if (kind === "none") throw new Error("no proxy");
  return new Map(renderFiles(config, [kind], source).map(({ path, text }) => [path, text]));
}

function seconds(text: string, timer: string): number {
  return Number(new RegExp(`timeout ${timer} (\\d+)s`).exec(text)![1]);
}
