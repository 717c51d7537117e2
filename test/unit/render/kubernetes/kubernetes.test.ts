import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../../src/render/kubernetes/object.ts";
import { objectsOf, problemsOf, VARIANTS } from "../_manifests.ts";
import { configWith } from "../base-config.ts";
import { forCluster, randomConfig } from "../random-config.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

describe("Kubernetes manifests", () => {
  it.each(VARIANTS)("fit the API server's own schemas, unknown fields refused: %s", (_name, config) => {
    for (const manifest of objectsOf(config)) expect(problemsOf(manifest)).toEqual([]);
  });

  it("fit them for 300 random configurations", () => {
    fc.assert(
      fc.property(randomConfig, (config) => {
        for (const manifest of objectsOf(forCluster(config))) expect(problemsOf(manifest)).toEqual([]);
      }),
      fuzzRuns(300, { quick: 40 }),
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
      if (["Deployment", "CronJob"].includes(String(manifest["kind"])))
        expect(restrictedViolations(manifest)).toEqual([]);
  });

  it("ask KEDA and Prometheus for the audio that one worker finishes in the accepted wait", () => {
    const scaled = (workerScaling: "hpa" | "keda"): Manifest =>
      objectsOf(
        configWith({
          jobs: { enabled: true, engine: "redis", blobs: "s3" },
          deploy: {
            domain: "a.example",
            kubernetes: { workerScaling, workers: 0, workerSpeed: 25, workerWaitMs: 120_000 },
          },
        }),
      ).find(({ kind }) => kind === "HorizontalPodAutoscaler" || kind === "ScaledObject")!;
    expect(scaled("keda")).toMatchObject({
      spec: {
        minReplicaCount: 0,
        triggers: [
          {
            metadata: {
              threshold: "3000",
              query: 'max(gigastt_jobs_waiting_audio_seconds{namespace="gigastt"})',
            },
          },
        ],
      },
    });
    expect(scaled("hpa")).toMatchObject({
      spec: { minReplicas: 1, metrics: [{ external: { target: { averageValue: "3k" } } }] },
    });
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

/** The rules of the restricted standard (Kubernetes 1.34), written out. */
function restrictedViolations(manifest: Manifest): readonly string[] {
  // oxlint-disable-next-line typescript/no-explicit-any -- an untyped manifest, its shape was checked by the schema
  const { spec } = manifest as any;
  const pod = (spec.jobTemplate?.spec ?? spec).template.spec;
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
