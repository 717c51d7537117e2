import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { derive } from "../../../src/render/derive.ts";
import { kubernetesObjects } from "../../../src/render/kubernetes.ts";
import type { Manifest } from "../../../src/render/kubernetes-object.ts";
import { renderFiles } from "../../../src/render/render.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { KUBE } from "../../support/kube.ts";
import { configWith } from "./base-config.ts";
import { forCluster, randomConfig } from "./random-config.ts";

const schemas = JSON.parse(
  readFileSync(new URL("../../fixtures/kubernetes/schemas.json", import.meta.url), "utf8"),
) as {
  kinds: Record<string, object>;
  $defs: Record<string, object>;
}; // our own fixture
// Not strict: the cluster's own schemas mix types and patterns in ways ajv's style check dislikes.
const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = new Map<string, ValidateFunction>();

const VARIANTS: readonly (readonly [string, ResolvedConfig])[] = [
  ["gateway", configWith({ deploy: { target: "kubernetes", domain: "stt.example.com" } })],
  [
    "ingress with users",
    configWith({
      deploy: {
        target: "kubernetes",
        domain: "stt.example.com",
        auth: { kind: "basic" },
        kubernetes: { route: "ingress", replicas: 3 },
      },
    }),
  ],
  [
    "autoscaler and claim",
    configWith({
      deploy: {
        target: "kubernetes",
        domain: "stt.example.com",
        kubernetes: { replicas: 2, maxReplicas: 5, model: "pvc", monitoringNamespace: "monitoring" },
      },
    }),
  ],
  ...(["basic", "keys"] as const).map(
    (kind) =>
      [
        `gateway with ${kind}`,
        configWith({
          deploy: { target: "kubernetes", domain: "stt.example.com", auth: { kind }, kubernetes: { model: "init" } },
        }),
      ] as const,
  ),
  [
    "init container, no route",
    configWith({ deploy: { target: "kubernetes", kubernetes: { route: "none", model: "init" } } }),
  ],
];

describe("Kubernetes manifests", () => {
  it.each(VARIANTS)("fit the API server's own schemas, unknown fields refused: %s", (_name, config) => {
    for (const manifest of objectsOf(config)) expect(problemsOf(manifest)).toEqual([]);
  });

  it("fit them for 300 random configurations", () => {
    fc.assert(
      fc.property(randomConfig, (config) => {
        for (const manifest of objectsOf(forCluster(config))) expect(problemsOf(manifest)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("are checked by schemas that notice a misspelt field, a wrong type and a missing one", () => {
    const deployment = objectsOf(VARIANTS[0]![1]).find(({ kind }) => kind === "Deployment")!;
    // oxlint-disable-next-line typescript/no-explicit-any -- as below
    const broken = (change: (copy: any) => void): readonly string[] => {
      // oxlint-disable-next-line typescript/no-explicit-any -- deliberately breaks an untyped object
      const copy: any = structuredClone(deployment);
      change(copy);
      return problemsOf(copy as Manifest);
    };
    expect(broken((copy) => (copy.spec.template.spec.containers[0].livenesProbe = {}))[0]).toContain("livenesProbe");
    expect(broken((copy) => (copy.spec.template.spec.terminationGracePeriodSeconds = "30s"))[0]).toContain(
      "must be integer",
    );
    expect(broken((copy) => delete copy.spec.selector)[0]).toContain("selector");
  });

  it.each(VARIANTS)("keep the restricted pod security standard, rule by rule: %s", (_name, config) => {
    for (const manifest of objectsOf(config))
      if (manifest["kind"] === "Deployment") expect(restrictedViolations(manifest)).toEqual([]);
  });

  // Ours of a known version first, then whatever is installed.
  const kubectl = KUBE === undefined ? ["kubectl"] : [KUBE, "kubectl"];
  const found = spawnSync(kubectl[0]!, [...kubectl.slice(1), "version", "--client"], { encoding: "utf8" }).status === 0;
  const why = found ? "" : " (skipped: kubectl is not installed)";
  it.skipIf(!found)(`are accepted by kubectl kustomize, every object with its label and namespace${why}`, () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-kustomize-"));
    try {
      for (const [, config] of VARIANTS) {
        rmSync(join(dir, "kubernetes"), { recursive: true, force: true });
        for (const file of renderFiles(config, ["kubernetes"], {
          toolVersion: "0.0.0",
          configHash: "0".repeat(64),
        })) {
          mkdirSync(dirname(join(dir, file.path)), { recursive: true });
          writeFileSync(join(dir, file.path), file.text);
        }
        const result = spawnSync(kubectl[0]!, [...kubectl.slice(1), "kustomize", join(dir, "kubernetes")], {
          encoding: "utf8",
        });
        expect(result.stderr).toBe("");
        const built = parseAllDocuments(result.stdout).map((document) => document.toJS() as Manifest); // kustomize's output
        expect(built).toHaveLength(kubernetesObjects({ config, derived: derive(config) }).size);
        for (const manifest of built) {
          expect(problemsOf(manifest)).toEqual([]);
          expect((manifest["metadata"] as { labels: Record<string, string> }).labels["app.kubernetes.io/part-of"]).toBe(
            "gigastt",
          ); // checked by the schema
        }
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("need 1.30 and a domain for a route", () => {
    expect(() =>
      objectsOf(configWith({ deploy: { domain: "a.example", kubernetes: { minVersion: "1.29" } } })),
    ).toThrow(
      "deploy.kubernetes.minVersion: 1.30 or newer is supported (native preStop sleep), got 1.29. Update the cluster.",
    );
    expect(() => objectsOf(configWith())).toThrow("deploy.domain is needed for deploy.kubernetes.route.");
  });

  it.each(["forward", "mtls"] as const)("are refused for auth.kind %s: nothing in them could check it", (kind) => {
    expect(() => objectsOf(configWith({ deploy: { domain: "a.example", auth: { kind } } }))).toThrow(
      `deploy.auth.kind: in a cluster ${kind} is the gateway's own policy, which these manifests cannot carry. Set basic or keys, or none once the gateway checks.`,
    );
  });

  it("have no disruption budget for a single replica: it would block every node drain", () => {
    const kinds = (replicas: number): unknown[] =>
      objectsOf(configWith({ deploy: { domain: "a.example", kubernetes: { replicas } } })).map(({ kind }) => kind);
    expect(kinds(1)).not.toContain("PodDisruptionBudget");
    expect(kinds(2)).toContain("PodDisruptionBudget");
  });

  it("roll the pods when the configuration changes", () => {
    const checksum = (poolSize: number): unknown => {
      const deployment = objectsOf(configWith({ pool: { size: poolSize }, deploy: { domain: "a.example" } })).find(
        ({ kind }) => kind === "Deployment",
      )!;
      return (deployment as { spec: { template: { metadata: { annotations: unknown } } } } & Manifest).spec.template
        .metadata.annotations; // shape of a Deployment
    };
    expect(checksum(4)).not.toEqual(checksum(5));
    expect(checksum(4)).toEqual(checksum(4));
  });
});

// ---

function objectsOf(config: ResolvedConfig): readonly Manifest[] {
  return [...kubernetesObjects({ config, derived: derive(config) }).values()];
}

function problemsOf(manifest: Manifest): readonly string[] {
  const kind = String(manifest["kind"]);
  let validate = validators.get(kind);
  if (validate === undefined) {
    const root = schemas.kinds[kind];
    if (root === undefined) return [`no schema for ${kind}`];
    validate = ajv.compile({ ...root, $defs: schemas.$defs });
    validators.set(kind, validate);
  }
  return validate(manifest)
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${kind}${instancePath} ${message} ${JSON.stringify(params)}`,
      );
}

/** The rules of the restricted standard (Kubernetes 1.34), written out. */
function restrictedViolations(deployment: Manifest): readonly string[] {
  // oxlint-disable-next-line typescript/no-explicit-any -- an untyped manifest, its shape was checked by the schema
  const pod = (deployment as any).spec.template.spec;
  const found: string[] = [];
  for (const field of ["hostNetwork", "hostPID", "hostIPC"]) if (pod[field] === true) found.push(field);
  const allowed = new Set([
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
  ]);
  for (const volume of pod.volumes)
    for (const type of Object.keys(volume)) if (type !== "name" && !allowed.has(type)) found.push(`volume ${type}`);
  if (pod.securityContext.runAsNonRoot !== true || pod.securityContext.runAsUser < 10_000) found.push("runAsNonRoot");
  if (!["RuntimeDefault", "Localhost"].includes(pod.securityContext.seccompProfile?.type)) found.push("seccomp");
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    const context = container.securityContext;
    if (context.privileged === true) found.push("privileged");
    if (context.allowPrivilegeEscalation !== false) found.push("allowPrivilegeEscalation");
    if (
      !context.capabilities.drop.includes("ALL") ||
      (context.capabilities.add ?? []).some((name: string) => name !== "NET_BIND_SERVICE")
    )
      found.push("capabilities");
    if (context.readOnlyRootFilesystem !== true) found.push("readOnlyRootFilesystem");
    for (const port of container.ports ?? []) if (port.hostPort !== undefined) found.push("hostPort");
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
      if (container[probe]?.httpGet?.host !== undefined) found.push(`${probe}.host`);
  }
  return found;
}
