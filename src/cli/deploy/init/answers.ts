import { isDeepStrictEqual } from "node:util";
import { defaultConfig } from "../../../config/defaults.ts";
import type { ComposeOverlay, DeployConfig, DeployTarget, ResolvedConfig } from "../../../config/types.ts";
import type { Machine } from "./detect.ts";

/** What the wizard has to know. */
export interface Answers {
  readonly target: DeployTarget;
  /** The server itself serves the home network, with a certificate of its own; only without a proxy on this machine. */
  readonly lan: boolean;
  readonly domain: string | undefined;
  readonly proxy: DeployConfig["proxy"]["kind"];
  readonly tls: DeployConfig["tls"]["mode"];
  readonly email: string | undefined;
  readonly auth: DeployConfig["auth"]["kind"];
  readonly forwardUrl: string | undefined;
  /** First user or key to make. */
  readonly firstName: string | undefined;
  readonly overlays: readonly ComposeOverlay[];
}

/** A key of the configuration and its value in YAML terms. */
export type Change = readonly [key: string, value: unknown];

/**
 * What the answers mean as keys of the configuration: what was asked, and what an earlier answer in `current` has to be taken back.
 * undefined = there is no configuration yet.
 */
export function changesOf(answers: Answers, machine: Machine, current: ResolvedConfig | undefined): readonly Change[] {
  const proxied = answers.proxy !== "none" || answers.target === "kubernetes";
  const onHost = answers.target === "host";
  const changes: Change[] = [["deploy.target", answers.target]];
  const before = current ?? defaultConfig;
  /** Set where it is not the default, or was something else before. */
  const put = (key: string, value: unknown, was: unknown, standard: unknown): void => {
    if (!isDeepStrictEqual(value, standard) || !isDeepStrictEqual(was, standard)) changes.push([key, value ?? null]);
  };
  put("deploy.domain", answers.domain, before.deploy.domain, undefined);
  changes.push(["deploy.proxy.kind", answers.proxy]);
  if (onHost && answers.proxy !== "none") {
    const found = machine[answers.proxy];
    put("deploy.proxy.version", found ?? "auto", before.deploy.proxy.version, "auto");
    if (answers.proxy === "nginx" && machine.openssl !== undefined)
      changes.push(["deploy.proxy.opensslVersion", machine.openssl]);
  } else {
    // A version found for another proxy, or on this machine, says nothing about the images.
    put("deploy.proxy.version", "auto", before.deploy.proxy.version, "auto");
  }
  if (proxied) {
    changes.push(["deploy.tls.mode", answers.tls]);
    put("deploy.tls.email", answers.email, before.deploy.tls.email, undefined);
    changes.push(["deploy.auth.kind", answers.auth]);
    put("deploy.auth.forwardUrl", answers.forwardUrl, before.deploy.auth.forwardUrl, undefined);
  } else {
    put("deploy.auth.kind", "none", before.deploy.auth.kind, "none");
  }
  put("deploy.compose.overlays", answers.overlays, before.deploy.compose.overlays, []);
  if (answers.lan) {
    changes.push(["server.lan", true], ["server.host", "0.0.0.0"], ["server.allowBindAny", true]);
  } else if (before.server.lan) {
    changes.push(["server.lan", false], ["server.host", "127.0.0.1"], ["server.allowBindAny", false]);
  }
  if (onHost && machine.systemd) {
    const { installDir, nodePath } = defaultConfig.deploy.systemd;
    put(
      "deploy.systemd.installDir",
      isReadableByUnits(machine.installation) ? machine.installation : installDir,
      before.deploy.systemd.installDir,
      installDir,
    );
    put(
      "deploy.systemd.nodePath",
      isReadableByUnits(machine.node) ? machine.node : nodePath,
      before.deploy.systemd.nodePath,
      nodePath,
    );
  }
  // Two sessions for each core are what a small box keeps up with; `gigastt bench` measures the rest.
  if (machine.cores < 2 && current === undefined) changes.push(["pool.size", 2]);
  return changes;
}

/** The unit runs with ProtectHome and PrivateTmp: it sees nothing below these folders. */
export function isReadableByUnits(path: string): boolean {
  return !/^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/.test(path);
}

/** What to suggest: the answers of an earlier run, else what fits this machine. */
export function suggest(machine: Machine, current: ResolvedConfig | undefined): Answers {
  if (current !== undefined && isDeployed(current)) {
    const { deploy, server } = current;
    return {
      target: deploy.target,
      lan: server.lan,
      domain: deploy.domain,
      proxy: deploy.proxy.kind,
      tls: deploy.tls.mode,
      email: deploy.tls.email,
      auth: deploy.auth.kind,
      forwardUrl: deploy.auth.forwardUrl,
      firstName: undefined,
      overlays: deploy.compose.overlays,
    };
  }
  return {
    target: "host",
    lan: false,
    domain: undefined,
    proxy: machine.caddy !== undefined ? "caddy" : machine.nginx !== undefined ? "nginx" : "none",
    tls: "none",
    email: undefined,
    auth: "none",
    forwardUrl: undefined,
    firstName: undefined,
    overlays: [],
  };
}

/** True when the configuration says where it is deployed; one with every key at its default does not. */
export function isDeployed({ deploy, server }: ResolvedConfig): boolean {
  return deploy.target !== "host" || deploy.proxy.kind !== "none" || deploy.domain !== undefined || server.lan;
}

/** What stands against the answers, as sentences; empty = go on. */
export function objections(answers: Answers): readonly string[] {
  const found: string[] = [];
  if (answers.lan && (answers.target !== "host" || answers.proxy !== "none"))
    found.push("--lan is for a server on this machine without a proxy: add --target host --proxy none");
  if (answers.proxy !== "none" && answers.tls !== "none" && answers.domain === undefined)
    found.push("--domain is needed for --tls: a certificate is made out to a name; or --tls none on a private network");
  if (answers.auth !== "none" && answers.proxy === "none" && answers.target !== "kubernetes")
    found.push("--auth needs a proxy: the server itself has no authentication; add --proxy caddy or nginx");
  if (answers.auth === "mtls" && answers.tls === "none") found.push("--auth mtls needs TLS: add --tls internal");
  if (answers.auth === "forward" && answers.forwardUrl === undefined) found.push("--auth forward needs --forward-url");
  if (answers.target === "kubernetes" && answers.domain === undefined)
    found.push("--domain is needed for --target kubernetes");
  if (answers.overlays.length > 0 && answers.target !== "compose") found.push("--overlay is for --target compose");
  if (answers.firstName !== undefined && answers.auth !== "basic" && answers.auth !== "keys")
    found.push("--name is for --auth basic or keys");
  return found;
}
