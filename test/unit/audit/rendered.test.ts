import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unresolve } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import type { DeployTarget, ResolvedConfig } from "../../../src/config/types.ts";
import type { RenderTarget } from "../../../src/render/render.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { STORE_TARGETS } from "../../../src/render/store/store.ts";
import { renderYaml } from "../../../src/render/text/yaml.ts";
import { auditFiles } from "../../support/audit-files.ts";
import { forCluster, forStore, randomConfig } from "../render/random-config.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

/** Per deployment: three times as many renderings are audited. */
const RUNS = fuzzRuns(400);
const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };

const PLACES: readonly (readonly [DeployTarget, (config: ResolvedConfig) => readonly RenderTarget[]])[] = [
  [
    "host",
    (config) => [...(config.deploy.proxy.kind === "none" ? [] : [config.deploy.proxy.kind]), "systemd", "firewall"],
  ],
  ["compose", () => ["compose", "docker"]],
  ["kubernetes", () => ["kubernetes", "docker"]],
];

describe("what gigastt renders itself", () => {
  it.each(PLACES)(
    `for %s has no finding at all (${RUNS.numRuns} random configurations)`,
    (target, targets) => {
      fc.assert(
        fc.property(randomConfig, (random) => {
          const config = sensible(target === "kubernetes" ? forCluster(random) : random, target);
          const files: Record<string, string> = { "gigastt.config.yaml": renderYaml(unresolve(configSchema, config)) };
          const modes: Record<string, number> = {};
          for (const file of renderFiles(config, targets(config), source)) {
            files[file.path] = file.text;
            modes[file.path] = file.mode;
          }
          const findings = auditFiles(files, { modes, configHash: source.configHash }).filter(
            // Whoever asks for an Ingress gets one, and the note that its controller is retired.
            (finding) => !(finding.rule === "GA-DRF-002" && config.deploy.kubernetes.route === "ingress"),
          );
          expect(
            findings.map((finding) => `${finding.rule} ${finding.file}:${finding.line} ${finding.message}`),
          ).toEqual([]);
        }),
        RUNS,
      );
    },
    300_000,
  );
});

it.each(["haproxy", "traefik"] as const)(
  "what gigastt renders for %s has no finding at all",
  (kind) => {
    fc.assert(
      fc.property(randomConfig, (random) => {
        const config = forProxy(sensible(random, "host"), kind);
        const files: Record<string, string> = { "gigastt.config.yaml": renderYaml(unresolve(configSchema, config)) };
        for (const file of renderFiles(config, [kind, "systemd", "firewall"], source)) files[file.path] = file.text;
        expect(
          auditFiles(files, { configHash: source.configHash }).map(
            (finding) => `${finding.rule} ${finding.file}:${finding.line} ${finding.message}`,
          ),
        ).toEqual([]);
      }),
      fuzzRuns(100),
    );
  },
  300_000,
);

it.each(STORE_TARGETS)(
  "the entry for %s has no finding that its own remark does not answer",
  (target) => {
    fc.assert(
      fc.property(randomConfig, (random) => {
        const config = forStore(sensible(random, "compose"));
        const files: Record<string, string> = { "gigastt.config.yaml": renderYaml(unresolve(configSchema, config)) };
        for (const file of renderFiles(config, [target], source)) files[file.path] = file.text;
        const findings = auditFiles(files, { configHash: source.configHash });
        expect(
          findings
            .filter(({ suppressed }) => suppressed === undefined)
            .map((finding) => `${finding.rule} ${finding.file}:${finding.line} ${finding.message}`),
        ).toEqual([]);
      }),
      fuzzRuns(100),
    );
  },
  300_000,
);

/** The same deployment behind this proxy, without what the renderer refuses for it. */
function forProxy(config: ResolvedConfig, kind: "haproxy" | "traefik"): ResolvedConfig {
  const { auth } = config.deploy;
  const refused = kind === "haproxy" ? ["forward"] : ["keys", "mtls"];
  return {
    ...config,
    supervisor: { ...config.supervisor, proxy: { ...config.supervisor.proxy, managed: false } },
    deploy: {
      ...config.deploy,
      target: "host",
      domain: config.deploy.domain ?? "stt.example.com",
      cdnCidrs: kind === "traefik" ? [] : config.deploy.cdnCidrs,
      auth: { ...auth, kind: refused.includes(auth.kind) ? "basic" : auth.kind },
      proxy: { ...config.deploy.proxy, kind, version: "auto" },
    },
  };
}

/** What the audit rightly speaks about is the user's own choice, not the renderer's: an open bind address, limits he sets too low. */
function sensible(config: ResolvedConfig, target: DeployTarget): ResolvedConfig {
  return {
    ...config,
    server: { ...config.server, host: "127.0.0.1" },
    deploy: {
      ...config.deploy,
      target,
      tls: { ...config.deploy.tls, hsts: config.deploy.tls.hsts === "off" ? "on" : config.deploy.tls.hsts },
      compose: { ...config.deploy.compose, memoryBytes: undefined },
    },
  };
}
