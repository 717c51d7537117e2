import { dirname, join } from "node:path";
import type { ResolvedConfig } from "../../../config/types.ts";
import { usesOwnCertificates } from "../../../render/systemd.ts";
import type { Machine } from "./detect.ts";
import { accessSecret } from "../cluster-secret.ts";

export interface Places {
  /** How this program is called, e.g. `./gigastt`. */
  readonly program: string;
  readonly configFile: string;
  readonly out: string;
}

/** A command to run next, or a remark (`#`). */
export type Step = string;

/** The exact commands from the files that were written to a running, proved service. */
export function nextSteps(config: ResolvedConfig, machine: Machine, places: Places): readonly Step[] {
  const { deploy } = config;
  const steps: Step[] = [];
  const { program, configFile } = places;
  if (deploy.target === "compose") steps.push(...composeSteps(config, places));
  else if (deploy.target === "kubernetes") steps.push(...kubernetesSteps(config, places));
  else steps.push(...hostSteps(config, machine, places));
  const scheme = deploy.tls.mode === "none" ? "http" : "https";
  if (deploy.domain !== undefined && (deploy.proxy.kind !== "none" || deploy.target === "kubernetes")) {
    const credentials = {
      none: " --open",
      basic: " --user NAME",
      keys: " --key-stdin",
      forward: "",
      mtls: " --cert FILE --key FILE",
    }[deploy.auth.kind];
    const port =
      scheme === "https" && deploy.httpsPort !== 443
        ? `:${deploy.httpsPort}`
        : scheme === "http" && deploy.httpPort !== 80
          ? `:${deploy.httpPort}`
          : "";
    steps.push(`# from another machine:`, `${program} verify ${scheme}://${deploy.domain}${port}${credentials}`);
  } else if (deploy.target === "host") {
    steps.push(`curl http://127.0.0.1:${config.server.port}/health`);
  }
  steps.push(
    `# the bundled demo model knows few words; the full model: ${program} models pull gigaam-v3-e2e-rnnt --config ${configFile}`,
  );
  steps.push(`# without internet: pull on another machine and copy its models folder, or set model.mirror`);
  return steps;
}

// ---

function hostSteps(config: ResolvedConfig, machine: Machine, { program, configFile, out }: Places): readonly Step[] {
  const { deploy } = config;
  const { kind } = deploy.proxy;
  const sudo = machine.root ? "" : "sudo ";
  if (!machine.systemd) {
    return [
      `${program} up --detach --config ${configFile}`,
      ...(kind === "none" ? [] : [`# no systemd here: start ${kind} yourself with ${join(out, kind)}`]),
    ];
  }
  const steps: Step[] = [
    `${sudo}install -d -m 0755 ${dirname(deploy.systemd.configFile)}`,
    `${sudo}cp ${configFile} ${deploy.systemd.configFile}`,
    `id ${deploy.systemd.user} || ${sudo}useradd --system --home-dir /var/lib/gigastt --shell /usr/sbin/nologin ${deploy.systemd.user}`,
  ];
  if (usesOwnCertificates(config)) steps.push(`${sudo}${program} certs create --config ${deploy.systemd.configFile}`);
  if (kind === "caddy")
    steps.push(`${sudo}cp ${join(out, "caddy/Caddyfile")} ${deploy.proxy.configDir ?? "/etc/caddy"}/Caddyfile`);
  if (kind === "nginx") {
    const dir = deploy.proxy.configDir ?? "/etc/nginx";
    if (deploy.tls.mode === "acme") {
      steps.push(
        `${sudo}install -d -m 0755 /var/www/gigastt-acme`,
        `${sudo}certbot certonly --standalone --agree-tos ${deploy.tls.email === undefined ? "--register-unsafely-without-email" : `-m ${deploy.tls.email}`} -d ${deploy.domain}`,
      );
    }
    steps.push(`${sudo}cp ${join(out, "nginx")}/* ${dir}/`, `${sudo}nginx -t`);
  }
  steps.push(
    `${sudo}cp -r ${join(out, "systemd")}/. /etc/systemd/system/`,
    `${sudo}systemctl daemon-reload`,
    `${sudo}systemctl enable --now ${deploy.systemd.socketActivation ? "gigastt.socket " : ""}gigastt.service`,
  );
  if (kind !== "none") steps.push(`${sudo}systemctl restart ${kind}`);
  return steps;
}

function composeSteps(config: ResolvedConfig, { program, out, configFile }: Places): readonly Step[] {
  const { deploy } = config;
  const steps: Step[] = [];
  if (!deploy.compose.overlays.includes("build"))
    steps.push(`docker build -f deploy/Dockerfile -t ${deploy.images.app} .  # in the folder of the gigastt sources`);
  if (usesOwnCertificates(config)) steps.push(`${program} certs create --config ${configFile}`);
  steps.push(
    `cd ${join(out, "compose")}`,
    "docker compose config --quiet",
    "docker compose up -d --wait",
    "docker compose ps",
  );
  steps.push("# to stop with a drain, the server first: docker compose stop gigastt && docker compose stop");
  return steps;
}

function kubernetesSteps(config: ResolvedConfig, { program, out, configFile }: Places): readonly Step[] {
  const { auth, kubernetes } = config.deploy;
  const { namespace } = kubernetes;
  const dir = join(out, "kubernetes");
  const kind = auth.kind === "keys" ? "key" : "user";
  return [
    `kubectl apply -k ${dir} --dry-run=client`,
    `kubectl apply -k ${dir}`,
    // The pods wait for the Secret; "secrets create" prints the command that makes it.
    ...(auth.kind === "none"
      ? []
      : [
          `${program} secrets create ${kind} ${kind === "key" ? "laptop" : "anna"} --dir ${join(out, "secrets")} --config ${configFile}`,
          `kubectl -n ${namespace} create secret generic ${accessSecret(config, join(out, "secrets"))}`,
        ]),
    `kubectl -n ${namespace} rollout status deployment/gigastt`,
  ];
}
