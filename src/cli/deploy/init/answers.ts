import type {
  ComposeOverlay,
  DeployAuthConfig,
  DeployProxyConfig,
  DeployTarget,
  DeployTlsConfig,
} from "../../../config/types.ts";
import type { Machine } from "./detect.ts";

/** What the wizard has to know. */
export interface Answers {
  readonly target: DeployTarget;
  readonly domain: string | undefined;
  readonly proxy: DeployProxyConfig["kind"];
  readonly tls: DeployTlsConfig["mode"];
  readonly email: string | undefined;
  readonly auth: DeployAuthConfig["kind"];
  readonly forwardUrl: string | undefined;
  /** First user or key to make. */
  readonly firstName: string | undefined;
  readonly overlays: readonly ComposeOverlay[];
}

/** A key of the configuration and its value in YAML terms. */
export type Change = readonly [key: string, value: unknown];

/** What the answers mean as keys of the configuration; only what differs from the defaults, and what was asked. */
export function changesOf(answers: Answers, machine: Machine): readonly Change[] {
  const changes: Change[] = [["deploy.target", answers.target]];
  if (answers.domain !== undefined) changes.push(["deploy.domain", answers.domain]);
  changes.push(["deploy.proxy.kind", answers.proxy]);
  if (answers.target === "host" && answers.proxy !== "none") {
    const found = answers.proxy === "caddy" ? machine.caddy : machine.nginx;
    if (found !== undefined) changes.push(["deploy.proxy.version", found]);
    if (answers.proxy === "nginx" && machine.openssl !== undefined)
      changes.push(["deploy.proxy.opensslVersion", machine.openssl]);
  }
  if (answers.proxy !== "none" || answers.target === "kubernetes") {
    changes.push(["deploy.tls.mode", answers.tls]);
    if (answers.email !== undefined) changes.push(["deploy.tls.email", answers.email]);
    changes.push(["deploy.auth.kind", answers.auth]);
    if (answers.forwardUrl !== undefined) changes.push(["deploy.auth.forwardUrl", answers.forwardUrl]);
  }
  if (answers.overlays.length > 0) changes.push(["deploy.compose.overlays", answers.overlays]);
  // Two sessions for each core are what a small box keeps up with; `gigastt bench` measures the rest.
  if (machine.cores < 2) changes.push(["pool.size", 2]);
  return changes;
}

/** The wizard's own suggestion for this machine. */
export function suggest(machine: Machine): Answers {
  const target: DeployTarget = "host";
  const proxy = machine.caddy !== undefined ? "caddy" : machine.nginx !== undefined ? "nginx" : "none";
  return {
    target,
    domain: undefined,
    proxy,
    tls: "none",
    email: undefined,
    auth: "none",
    forwardUrl: undefined,
    firstName: undefined,
    overlays: [],
  };
}

/** What stands against the answers, as sentences; empty = go on. */
export function objections(answers: Answers): readonly string[] {
  const found: string[] = [];
  if (answers.proxy !== "none" && answers.tls !== "none" && answers.domain === undefined)
    found.push("--domain is needed for --tls: a certificate is made out to a name; or --tls none on a private network");
  if (answers.auth !== "none" && answers.proxy === "none" && answers.target !== "kubernetes")
    found.push("--auth needs a proxy: the server itself checks nobody; add --proxy caddy or nginx");
  if (answers.auth === "mtls" && answers.tls === "none") found.push("--auth mtls needs TLS: add --tls internal");
  if (answers.auth === "forward" && answers.forwardUrl === undefined) found.push("--auth forward needs --forward-url");
  if (answers.target === "kubernetes" && answers.domain === undefined)
    found.push("--domain is needed for --target kubernetes");
  if (answers.overlays.length > 0 && answers.target !== "compose") found.push("--overlay is for --target compose");
  if (answers.firstName !== undefined && answers.auth !== "basic" && answers.auth !== "keys")
    found.push("--name is for --auth basic or keys");
  return found;
}
