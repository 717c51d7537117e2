import type { ResolvedConfig } from "../../config/types.ts";
import { ACCESS_SECRET, hasGate } from "../../render/kubernetes/gate.ts";
import { USERS_SECRET } from "../../render/kubernetes/routes.ts";

/** Name and content of the Secret with users or keys, as arguments of `kubectl create secret generic`; `folder` is where `secrets` keeps them. */
export function accessSecret(config: ResolvedConfig, folder: string): string {
  if (!hasGate(config)) return `${USERS_SECRET} --from-file=auth=${folder}/users.htpasswd`;
  const file = config.deploy.auth.kind === "keys" ? "keys.caddy" : "users.caddy";
  return `${ACCESS_SECRET} --from-file=${file}=${folder}/${file}`;
}
