import { directListeners } from "../../config/listeners.ts";
import { hasGate } from "./gate.ts";
import { meta, NAME, SELECTOR, type Manifest } from "./object.ts";
import { sendsCallbacks, storePorts } from "./stores.ts";
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

/** Returns the network policy. In: the gateway (and monitoring). Out: receivers of callbacks and nothing else, the weights are local; to stores, see {@link storesPolicy}. */
export function networkPolicy(input: RenderInput): Manifest {
  const { jobs, deploy } = input.config;
  const k8s = deploy.kubernetes;
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
      ...(sendsCallbacks(jobs) ? { egress: [{ to: callbackPeers(jobs.callbackNetworks) }] } : {}),
    },
  };
}

/**
 * Returns what all pods of the project may reach: names and the stores. Workers and backups take no connections but those of monitoring.
 * Policies of a pod add up, so that of the server stays as it is.
 */
export function storesPolicy(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  const tcp = (port: number): Manifest => ({ protocol: "TCP", port });
  const networks = k8s.storeNetworks.map((cidr) => ({ ipBlock: { cidr } }));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(input, `${NAME}-stores`),
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": NAME } },
      policyTypes: ["Ingress", "Egress"],
      ...(k8s.monitoringNamespace === undefined
        ? {}
        : {
            ingress: [
              {
                from: [
                  { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": k8s.monitoringNamespace } } },
                ],
                ports: [{ protocol: "TCP", port: "http" }],
              },
            ],
          }),
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
          ports: [
            { protocol: "UDP", port: 53 },
            { protocol: "TCP", port: 53 },
          ],
        },
        { ...(networks.length > 0 ? { to: networks } : {}), ports: storePorts(input.config).map(tcp) },
      ],
    },
  };
}

// ---

/** The public internet, and the private networks that callbacks may reach. */
function callbackPeers(networks: readonly string[]): readonly Manifest[] {
  return [
    { ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE_V4 } },
    { ipBlock: { cidr: "::/0", except: ["fc00::/7", "fe80::/10"] } },
    ...networks.map((cidr) => ({ ipBlock: { cidr } })),
  ];
}

const PRIVATE_V4 = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/** Name of the container port that takes what comes from outside. */
function publicPort({ config }: RenderInput): string {
  return hasGate(config) ? "gate" : "http";
}
