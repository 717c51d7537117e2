import type { ResolvedConfig } from "../../config/types.ts";

/** Something that is wrong with what the deployed proxy reads or runs with. */
export interface DeployedProblem {
  readonly id:
    | "certificate_expiring"
    | "certificate_expired"
    | "certificate_broken"
    | "secrets_broken"
    | "proxy_outdated";
  readonly severity: "error" | "warning";
  /** The file or folder. */
  readonly place: string;
  /** One sentence: what is wrong, and its effect. */
  readonly message: string;
  /** A command, or one sentence without a full stop. */
  readonly cure: string;
}

/** A deployment on this machine, and where to look. */
export interface Deployment {
  readonly config: ResolvedConfig;
  /** Folder of the rendered files: `deploy/` beside the configuration. */
  readonly deployDir: string;
  readonly now: Date;
}

/** Returns what makes the proxy read its files again. */
export function reloadCommand({ deploy, supervisor }: ResolvedConfig): string {
  if (deploy.target === "compose") return "docker compose up -d --force-recreate";
  return supervisor.proxy.managed ? "gigastt reload" : `systemctl reload ${deploy.proxy.kind}`;
}
