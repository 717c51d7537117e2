import { RenderError } from "../errors.ts";
import { configMap, deployment, modelClaim } from "./deployment.ts";
import { monitoringObjects } from "./monitoring.ts";
import { meta, type Manifest } from "./object.ts";
import { httpRoute, ingress, redirectRoute } from "./routes.ts";
import { autoscaler, disruptionBudget, hasCopies, isScaled } from "./scale.ts";
import { backupObjects } from "./backup.ts";
import { hasStores } from "./stores.ts";
import { networkPolicy, service, storesPolicy } from "./traffic.ts";
import { workerObjects } from "./workers.ts";
import type { RenderedBody, RenderInput } from "../target.ts";
import { isAtLeast, parseVersion } from "../version.ts";
import { renderYaml } from "../text/yaml.ts";

/** Renders one file per object plus kustomization.yaml. */
export function renderKubernetes(input: RenderInput, dir: string): readonly RenderedBody[] {
  const objects = kubernetesObjects(input);
  const files = [...objects].map(([name, value]) => ({
    path: `${dir}/${name}.yaml`,
    body: renderYaml(value),
    comment: "#" as const,
  }));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: input.config.deploy.kubernetes.namespace,
    labels: [{ pairs: { "app.kubernetes.io/part-of": "gigastt" }, includeSelectors: false }],
    resources: [...objects.keys()].map((name) => `${name}.yaml`),
  };
  return [...files, { path: `${dir}/kustomization.yaml`, body: renderYaml(kustomization), comment: "#" }];
}

/** Returns every object by file name, in the order in which they are applied. Pure. */
export function kubernetesObjects(input: RenderInput): ReadonlyMap<string, Manifest> {
  const { config } = input;
  const k8s = config.deploy.kubernetes;
  if (!isAtLeast(parseVersion(k8s.minVersion, "deploy.kubernetes.minVersion"), 1, 30)) {
    throw new RenderError(
      `deploy.kubernetes.minVersion: 1.30 or newer is supported (native preStop sleep), got ${k8s.minVersion}. Update the cluster.`,
    );
  }
  if (k8s.route !== "none" && config.deploy.domain === undefined) {
    throw new RenderError(
      "deploy.domain is needed for deploy.kubernetes.route. Set the public host name, or route: none.",
    );
  }
  const objects = new Map<string, Manifest>();
  objects.set("namespace", namespace(input));
  objects.set("serviceaccount", serviceAccount(input));
  objects.set("configmap", configMap(input));
  if (k8s.model === "pvc") objects.set("persistentvolumeclaim", modelClaim(input));
  objects.set("deployment", deployment(input));
  objects.set("service", service(input));
  objects.set("networkpolicy", networkPolicy(input));
  if (k8s.route === "gateway") {
    objects.set("httproute", httpRoute(input));
    if (config.deploy.tls.mode !== "none") objects.set("httproute-redirect", redirectRoute(input));
  }
  if (k8s.route === "ingress") objects.set("ingress", ingress(input));
  if (hasCopies(input)) objects.set("poddisruptionbudget", disruptionBudget(input));
  if (isScaled(input)) objects.set("horizontalpodautoscaler", autoscaler(input));
  if (config.jobs.enabled) for (const [name, value] of workerObjects(input)) objects.set(name, value);
  if (hasStores(config)) objects.set("networkpolicy-stores", storesPolicy(input));
  for (const [name, value] of backupObjects(input)) objects.set(name, value);
  if (config.deploy.monitoring) for (const [name, value] of monitoringObjects(input)) objects.set(name, value);
  return objects;
}

// ---

function namespace({ config }: RenderInput): Manifest {
  const level = { enforce: "restricted", audit: "restricted", warn: "restricted" };
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: config.deploy.kubernetes.namespace,
      labels: Object.fromEntries(
        Object.entries(level).map(([mode, value]) => [`pod-security.kubernetes.io/${mode}`, value]),
      ),
    },
  };
}

function serviceAccount(input: RenderInput): Manifest {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: meta(input), automountServiceAccountToken: false };
}
