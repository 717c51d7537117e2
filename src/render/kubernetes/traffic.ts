import { directListeners } from "../../config/listeners.ts";
import { hasGate } from "./gate.ts";
import { meta, SELECTOR, type Manifest } from "./object.ts";
import type { RenderInput } from "../target.ts";

export function service(input: RenderInput): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta(input),
    spec: {
      type: "ClusterIP",
      selector: SELECTOR,
      ports: [
        { name: "http", port: 80, targetPort: publicPort(input), protocol: "TCP", appProtocol: "kubernetes.io/ws" },
        ...directListeners(input.config).map(({ name, port }) => ({ name, port, targetPort: name, protocol: "TCP" })),
      ],
    },
  };
}

/** Returns the network policy. In: the gateway (and monitoring). Out: nothing, the weights are local. */
export function networkPolicy(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  const from = (name: string): Manifest => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
  });
  // Clients of other protocols in the same namespace; those of others are the operator's to add.
  const direct = directListeners(input.config).map(({ name }) => ({ protocol: "TCP", port: name }));
  const source = k8s.route === "ingress" ? "ingress-nginx" : k8s.gatewayNamespace;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(input),
    spec: {
      podSelector: { matchLabels: SELECTOR },
      // Egress without a rule refuses all of it. An empty list would say the same, but the server drops it and takes every apply for a change.
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [from(source)], ports: [{ protocol: "TCP", port: publicPort(input) }] },
        ...(direct.length > 0 ? [{ from: [{ podSelector: {} }], ports: direct }] : []),
        ...(k8s.monitoringNamespace === undefined
          ? []
          : [{ from: [from(k8s.monitoringNamespace)], ports: [{ protocol: "TCP", port: "http" }] }]),
      ],
    },
  };
}

// ---

/** Name of the container port that takes what comes from outside. */
function publicPort({ config }: RenderInput): string {
  return hasGate(config) ? "gate" : "http";
}
