import type { ResolvedConfig } from "../../config/types.ts";
import { RenderError } from "../errors.ts";
import { renderCaddy } from "../proxy/proxy.ts";
import type { RenderInput } from "../target.ts";

/** Secret with `users.caddy` or `keys.caddy`, read by the gate. */
export const ACCESS_SECRET = "gigastt-access";
/** Port of the gate: all that comes from outside the pod. */
export const GATE_PORT = 8080;
/** Key of the gate's file in the ConfigMap. */
export const GATE_FILE = "Caddyfile";

/**
 * Returns true when a Caddy inside the pod asks for users or keys: the Gateway API has no portable way to say it, and the server has no authentication.
 * ingress-nginx checks users itself. Throws where nothing that we render could check: an open service in place of a closed one is never right.
 */
export function hasGate({ deploy }: ResolvedConfig): boolean {
  const { kind } = deploy.auth;
  if (kind === "forward" || kind === "mtls") {
    throw new RenderError(
      `deploy.auth.kind: in a cluster ${kind} is the gateway's own policy, which these manifests cannot carry. Set basic or keys, or none once the gateway checks.`,
    );
  }
  return kind === "keys" || (kind === "basic" && deploy.kubernetes.route !== "ingress");
}

/** Returns the Caddyfile of the gate: the host's, but plain HTTP behind the gateway, whose address is trusted to name the client. */
export function gateFile({ config, derived }: RenderInput): string {
  const { deploy } = config;
  const inside: ResolvedConfig = {
    ...config,
    server: { ...config.server, host: "127.0.0.1" },
    deploy: {
      ...deploy,
      domain: undefined,
      tls: { ...deploy.tls, mode: "none" },
      httpPort: GATE_PORT,
      cdnCidrs: deploy.kubernetes.trustedCidrs,
      secretsDir: SECRETS,
      proxy: { ...deploy.proxy, kind: "caddy", version: "auto" },
    },
  };
  const [file] = renderCaddy({ config: inside, derived }, "host", "");
  return file!.body; // one file, always
}

/** Returns the native sidecar: it starts before the server and ends after it, so that a drain reaches the clients through it. */
export function gateContainer(config: ResolvedConfig): Readonly<Record<string, unknown>> {
  return {
    name: "gate",
    image: config.deploy.images.caddy,
    imagePullPolicy: "IfNotPresent",
    restartPolicy: "Always",
    command: ["caddy", "run", "--adapter", "caddyfile", "--config", `${FILES}/${GATE_FILE}`],
    env: ["XDG_CONFIG_HOME", "XDG_DATA_HOME"].map((name) => ({ name, value: STATE })),
    ports: [{ name: "gate", containerPort: GATE_PORT, protocol: "TCP" }],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      // The program in Caddy's image carries this capability and does not start without it.
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
    },
    startupProbe: { tcpSocket: { port: "gate" }, periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { tcpSocket: { port: "gate" }, periodSeconds: 5, failureThreshold: 2 },
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "256Mi" } },
    volumeMounts: [
      { name: "config", mountPath: FILES, readOnly: true },
      { name: "access", mountPath: SECRETS, readOnly: true },
      { name: "gate", mountPath: STATE },
    ],
  };
}

/** Returns the volumes of the gate. Without the Secret the pod waits: no users, no service. */
export function gateVolumes(): readonly Readonly<Record<string, unknown>>[] {
  return [
    { name: "access", secret: { secretName: ACCESS_SECRET, defaultMode: 0o440 } },
    { name: "gate", emptyDir: { sizeLimit: "16Mi" } },
  ];
}

// ---

const FILES = "/etc/gigastt";
const SECRETS = "/run/secrets/gigastt";
/** Where Caddy keeps its admin socket and its own state. */
const STATE = "/run/caddy";
