import type { ResolvedConfig } from "../../config/types.ts";
import { hasGate } from "../../render/kubernetes/gate.ts";
import { accessSecret } from "./cluster-secret.ts";
import type { SecretKind } from "./secret-store.ts";

/** What makes the change live, command by command. */
export function liveSteps(config: ResolvedConfig, kind: SecretKind, folder: string): readonly string[] {
  const { deploy } = config;
  if (deploy.target === "kubernetes") return clusterSteps(config, kind, folder);
  const proxy = deploy.proxy.kind;
  if (proxy === "none") return [];
  const compose = deploy.target === "compose";
  const prepare = compose ? ["docker compose run --rm prepare"] : [];
  // nginx reads the password file on every request.
  if (proxy === "nginx" && kind === "user") return prepare;
  // Traefik reads the users when it starts.
  if (proxy === "traefik") return kind === "user" ? ["systemctl restart traefik"] : [];
  const reload = proxy === "caddy" ? "caddy reload --config /etc/caddy/Caddyfile --force" : "nginx -s reload";
  return [...prepare, compose ? `docker compose exec proxy ${reload}` : `systemctl reload ${proxy}`];
}

/** The gate reads its Secret when it starts; ingress-nginx watches its own. */
function clusterSteps(config: ResolvedConfig, kind: SecretKind, folder: string): readonly string[] {
  const { auth, kubernetes } = config.deploy;
  if (auth.kind !== (kind === "user" ? "basic" : "keys")) return [];
  const kubectl = `kubectl -n ${kubernetes.namespace}`;
  return [
    `${kubectl} create secret generic ${accessSecret(config, folder)} --dry-run=client -o yaml | kubectl apply -f -`,
    ...(hasGate(config) ? [`${kubectl} rollout restart deployment/gigastt`] : []),
  ];
}
