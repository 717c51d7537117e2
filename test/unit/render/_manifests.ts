import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { derive } from "../../../src/config/derived.ts";
import { kubernetesObjects } from "../../../src/render/kubernetes/kubernetes.ts";
import type { Manifest } from "../../../src/render/kubernetes/object.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { configWith } from "./base-config.ts";

const schemas = JSON.parse(
  readFileSync(new URL("../../fixtures/kubernetes/schemas.json", import.meta.url), "utf8"),
) as {
  kinds: Record<string, object>;
  $defs: Record<string, object>;
}; // our own fixture
// Not strict: the cluster's own schemas mix types and patterns in ways ajv's style check dislikes.
const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = new Map<string, ValidateFunction>();

/** Configurations that use each part of the manifests. */
export const VARIANTS: readonly (readonly [string, ResolvedConfig])[] = [
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
  ...(["fixed", "hpa", "keda"] as const).map(
    (workerScaling) =>
      [
        `workers: ${workerScaling}`,
        configWith({
          jobs: {
            enabled: true,
            engine: "redis",
            blobs: "s3",
            callbackSecret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
          },
          archive: { enabled: true, shared: true, engine: "postgres" },
          deploy: {
            target: "kubernetes",
            domain: "stt.example.com",
            kubernetes: { workerScaling, backupSchedule: "17 3 * * *", monitoringNamespace: "monitoring" },
          },
        }),
      ] as const,
  ),
  [
    "init container, no route",
    configWith({ deploy: { target: "kubernetes", kubernetes: { route: "none", model: "init" } } }),
  ],
];

export function objectsOf(config: ResolvedConfig): readonly Manifest[] {
  return [...kubernetesObjects({ config, derived: derive(config) }).values()];
}

const closed = (properties: Record<string, object>, required: readonly string[] = Object.keys(properties)): object => ({
  type: "object",
  additionalProperties: false,
  required,
  properties,
});
const TEXT = { type: "string" };
const TEXTS = { type: "object", additionalProperties: TEXT };
const operatorKind = (spec: object): object =>
  closed({
    apiVersion: { const: "monitoring.coreos.com/v1" },
    kind: TEXT,
    metadata: { type: "object" },
    spec,
  });
/** The fields of the Prometheus operator that are used here; its definitions are no part of Kubernetes. */
const OPERATOR_KINDS: Readonly<Record<string, object>> = {
  PodMonitor: operatorKind(
    closed({
      jobLabel: TEXT,
      selector: closed({ matchLabels: TEXTS }),
      podMetricsEndpoints: { type: "array", items: closed({ port: TEXT, path: TEXT, interval: TEXT }) },
    }),
  ),
  PrometheusRule: operatorKind(
    closed({
      groups: {
        type: "array",
        items: closed({
          name: TEXT,
          rules: {
            type: "array",
            items: closed({ alert: TEXT, expr: TEXT, for: TEXT, labels: TEXTS, annotations: TEXTS }, [
              "alert",
              "expr",
              "labels",
              "annotations",
            ]),
          },
        }),
      },
    }),
  ),
};

/** Problems that the API server's own schemas find in a manifest. */
export function problemsOf(manifest: Manifest): readonly string[] {
  const kind = String(manifest["kind"]);
  let validate = validators.get(kind);
  if (validate === undefined) {
    const root = schemas.kinds[kind] ?? OPERATOR_KINDS[kind];
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
