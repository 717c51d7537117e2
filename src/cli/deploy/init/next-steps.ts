import { dirname, join } from "node:path";
import type { ResolvedConfig } from "../../../config/types.ts";
import { CERTBOT_PORT, haproxyCertificate, haproxyUsersFile } from "../../../render/proxy/haproxy.ts";
import { usesOwnCertificates } from "../../../render/systemd.ts";
import { traefikConfigDir } from "../../../render/proxy/traefik.ts";
import type { Machine } from "./detect.ts";
import { accessSecret } from "../cluster-secret.ts";

export interface Places {
  /** How this program is called, e.g. `./gigastt`. */
  readonly program: string;
  readonly configFile: string;
  readonly out: string;
  /** A user or key that is still to be made. */
  readonly missingSecret: string | undefined;
  /** A user or key that exists, for the proof. */
  readonly name: string | undefined;
  /** The proxy an earlier configuration had in front, when it is another one now: both cannot have the ports. */
  readonly formerProxy: Exclude<ResolvedConfig["deploy"]["proxy"]["kind"], "none"> | undefined;
  /** Addresses of this machine in its network. */
  readonly addresses: readonly string[];
}

/** A command to run next, or a remark (`#`). */
export type Step = string;

/** The exact commands from the files that were written to a running, proved service; each runs in the folder of `init`. */
export function nextSteps(config: ResolvedConfig, machine: Machine, places: Places): readonly Step[] {
  switch (config.deploy.target) {
    case "compose":
      return [...composeSteps(config, places), ...proof(config, places, "")];
    case "kubernetes":
      return [...kubernetesSteps(config, places), ...proof(config, places, "")];
    case "host":
      return hostSteps(config, machine, places);
  }
}

/** The client `init` names for a first certificate with `auth: mtls`. */
const FIRST_CLIENT = "admin";
/** Where Caddy's package keeps the root of its own CA. */
const CADDY_ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt";

// ---

function hostSteps(config: ResolvedConfig, machine: Machine, places: Places): readonly Step[] {
  const { deploy, server } = config;
  const { kind } = deploy.proxy;
  const { program, configFile } = places;
  const sudo = machine.root ? "" : "sudo ";
  const installed = machine.systemd ? deploy.systemd.configFile : configFile;
  const steps: Step[] = [];
  if (kind !== "none" && machine[kind] === undefined)
    steps.push(
      kind === "traefik"
        ? "# install Traefik 3 as /usr/local/bin/traefik, with a unit traefik.service: Debian has no package of it"
        : `${sudo}apt-get install -y ${kind}`,
    );
  if (machine.systemd) steps.push(...installation(config, machine, places, sudo));
  const asRoot = (words: string): Step => `${sudo}${program} ${words} --config ${installed}`;
  if (usesOwnCertificates(config)) {
    steps.push(asRoot("certs create"));
    if (deploy.auth.kind === "mtls") steps.push(asRoot(`certs client ${FIRST_CLIENT}`));
  }
  if (deploy.tls.mode === "files" && kind !== "none")
    steps.push(
      `# first put your certificate chain into ${deploy.tls.certificateFile} and its key into ${deploy.tls.privateKeyFile}, readable by ${kind}`,
    );
  if (places.missingSecret !== undefined) steps.push(asRoot(`secrets create ${places.missingSecret}`));
  if (machine.systemd && places.formerProxy !== undefined)
    steps.push(`${sudo}systemctl disable --now ${places.formerProxy}`);
  // A managed proxy is the supervisor's child: it reads files of the state folder.
  const { managed } = config.supervisor.proxy;
  if (!managed) steps.push(...proxyFiles(config, places, sudo));
  if (machine.systemd) {
    steps.push(asRoot("install-service"));
    if (kind !== "none" && !managed) steps.push(`${sudo}systemctl restart ${kind}`);
  } else {
    steps.push(`${program} up --detach --config ${configFile}`, ...(managed ? [] : startWithoutSystemd(config, sudo)));
  }
  steps.push(...(kind === "none" ? [] : proof(config, places, sudo)));
  if (kind === "none") {
    steps.push(
      server.lan
        ? `curl -sSk https://127.0.0.1:${server.port}/health`
        : `curl -sS http://127.0.0.1:${server.port}/health`,
    );
    if (server.lan)
      for (const address of places.addresses)
        steps.push(`# phones and computers at home: https://${address}:${server.port}`);
  }
  const { user, installDir } = deploy.systemd;
  const asUser = machine.root ? `runuser -u ${user} --` : `sudo -u ${user}`;
  const pull = machine.systemd
    ? `${asUser} ${installDir}/gigastt models pull --set model.dir=/var/lib/gigastt/models && ${sudo}systemctl restart gigastt`
    : `${program} models pull && ${program} restart`;
  steps.push(`# the bundled demo model knows only a few words; the full model: ${pull}`, OFFLINE_REMARK);
  return steps;
}

const OFFLINE_REMARK: Step =
  "# without internet: pull on another machine, copy its models folder, then add --from FOLDER";

/** The unit sees nothing in a home folder: program and configuration go where it does. */
function installation(
  { deploy }: ResolvedConfig,
  machine: Machine,
  { configFile }: Places,
  sudo: string,
): readonly Step[] {
  const { installDir, configFile: installed } = deploy.systemd;
  const steps: Step[] = [];
  if (machine.installation !== installDir) {
    steps.push(
      `${sudo}mkdir -p ${installDir}`,
      `${sudo}cp -rT --preserve=timestamps ${machine.installation} ${installDir}`,
      `${sudo}chmod -R go=rX ${installDir}`,
    );
  }
  if (configFile !== installed) {
    steps.push(`${sudo}install -d -m 0755 ${dirname(installed)}`, `${sudo}install -m 0644 ${configFile} ${installed}`);
  }
  return steps;
}

/** What was there before stays beside it: `.~1~`. */
function proxyFiles(config: ResolvedConfig, { out }: Places, sudo: string): readonly Step[] {
  const { auth, proxy, tls, domain } = config.deploy;
  if (proxy.kind === "none") return [];
  if (proxy.kind === "caddy") {
    const dir = proxy.configDir ?? "/etc/caddy";
    return [
      `${sudo}install -d -m 0755 ${dir}`,
      `${sudo}cp --backup=numbered ${join(out, "caddy/Caddyfile")} ${dir}/Caddyfile`,
    ];
  }
  const dir = proxy.configDir ?? `/etc/${proxy.kind}`;
  if (proxy.kind === "traefik")
    return [
      `${sudo}install -d -m 0755 ${dir}`,
      ...(tls.mode === "acme" ? [`${sudo}install -d -m 0700 /var/lib/traefik`] : []),
      `${sudo}cp --backup=numbered ${join(out, "traefik")}/* ${dir}/`,
    ];
  const steps: Step[] = [];
  if (proxy.kind === "haproxy") {
    const certificate = haproxyCertificate(config);
    if (tls.mode === "acme")
      steps.push(
        `# HAProxy does not start without its certificate, and certbot needs port 80 for the first one`,
        `${sudo}systemctl stop haproxy`,
        `${sudo}certbot certonly --standalone --non-interactive --keep-until-expiring --agree-tos ${contactOf(config)} --deploy-hook "systemctl reload haproxy" -d ${domain}`,
        `${sudo}sed -i '/^\\[renewalparams\\]/a http01_port = ${CERTBOT_PORT}' /etc/letsencrypt/renewal/${domain}.conf`,
      );
    if (tls.mode !== "none")
      steps.push(
        `# HAProxy looks for the key beside the certificate`,
        `${sudo}ln -sf ${tls.mode === "acme" ? "privkey.pem" : tls.privateKeyFile} ${certificate}.key`,
      );
    steps.push(
      `${sudo}cp --backup=numbered ${join(out, "haproxy")}/* ${dir}/`,
      `${sudo}haproxy -c -f ${dir}/haproxy.cfg${auth.kind === "basic" ? ` -f ${haproxyUsersFile(config)}` : ""}`,
    );
    return steps;
  }
  if (tls.mode === "acme") {
    steps.push(
      `${sudo}install -d -m 0755 /var/www/gigastt-acme`,
      `# nginx does not start without its certificate, and certbot needs port 80 for the first one`,
      `${sudo}systemctl stop nginx`,
      `${sudo}certbot certonly --standalone --non-interactive --keep-until-expiring --agree-tos ${contactOf(config)} -d ${domain}`,
    );
  }
  steps.push(`${sudo}cp --backup=numbered ${join(out, "nginx")}/* ${dir}/`, `${sudo}nginx -t`);
  return steps;
}

function contactOf({ deploy }: ResolvedConfig): string {
  return deploy.tls.email === undefined ? "--register-unsafely-without-email" : `-m ${deploy.tls.email}`;
}

function startWithoutSystemd({ deploy }: ResolvedConfig, sudo: string): readonly Step[] {
  switch (deploy.proxy.kind) {
    case "none":
      return [];
    case "caddy":
      return [
        `${sudo}install -d -m 0750 /run/caddy`,
        `${sudo}caddy start --config ${deploy.proxy.configDir ?? "/etc/caddy"}/Caddyfile`,
      ];
    case "nginx":
      return [`${sudo}nginx -s reload || ${sudo}nginx`];
    case "haproxy":
      return [
        `${sudo}haproxy -D -W -f ${deploy.proxy.configDir ?? "/etc/haproxy"}/haproxy.cfg${deploy.auth.kind === "basic" ? ` -f ${haproxyUsersFile({ deploy })}` : ""}`,
      ];
    case "traefik":
      return [`${sudo}traefik --configFile=${traefikConfigDir({ deploy })}/traefik.yml &`];
  }
}

/** The outside test, with the CA and the credentials it needs. */
function proof(config: ResolvedConfig, places: Places, sudo: string): readonly Step[] {
  const { deploy } = config;
  const { domain, tls, auth, proxy, target } = deploy;
  if (proxy.kind === "none" && target !== "kubernetes") return [];
  const https = tls.mode !== "none";
  const port = https
    ? deploy.httpsPort === 443
      ? ""
      : `:${deploy.httpsPort}`
    : deploy.httpPort === 80
      ? ""
      : `:${deploy.httpPort}`;
  const words = [`${https ? "https" : "http"}://${domain ?? "127.0.0.1"}${port}`];
  const tlsDir = target === "compose" ? join(places.out, "compose/tls") : dirname(deploy.tls.certificateFile);
  const ca = caFile(config, places);
  if (ca !== undefined) words.push("--ca", ca);
  if (auth.kind === "none") words.push("--open");
  if (auth.kind === "basic") words.push("--user", places.name ?? "NAME");
  if (auth.kind === "keys") words.push("--key-stdin");
  if (auth.kind === "mtls")
    words.push("--cert", `${tlsDir}/clients/${FIRST_CLIENT}.pem`, "--key", `${tlsDir}/clients/${FIRST_CLIENT}.key`);
  // The CA and the client's key are readable by their owner only.
  const reads = ca !== undefined || auth.kind === "mtls" ? sudo : "";
  return [
    auth.kind === "basic" || auth.kind === "keys"
      ? `# check it, preferably from another machine; it reads the ${auth.kind === "basic" ? "password" : "key"} from standard input`
      : "# check it, preferably from another machine",
    `${reads}${places.program} verify ${words.join(" ")}`,
  ];
}

/** The CA clients do not trust by themselves. */
function caFile({ deploy }: ResolvedConfig, { out }: Places): string | undefined {
  if (deploy.tls.mode !== "internal") return undefined;
  const compose = deploy.target === "compose";
  if (deploy.proxy.kind === "caddy") return compose ? join(out, "compose/ca.crt") : CADDY_ROOT;
  if (deploy.proxy.kind !== "none")
    return join(compose ? join(out, "compose/tls") : dirname(deploy.tls.certificateFile), "ca.pem");
  return undefined;
}

function composeSteps(config: ResolvedConfig, { program, out, configFile, missingSecret }: Places): readonly Step[] {
  const { deploy } = config;
  const dir = join(out, "compose");
  const inDir = (words: string): Step => `(cd ${dir} && docker compose ${words})`;
  const steps: Step[] = [];
  if (!deploy.compose.overlays.includes("build"))
    steps.push(`docker build -f deploy/Dockerfile -t ${deploy.images.app} .`);
  if (usesOwnCertificates(config)) {
    steps.push(`${program} certs create --config ${configFile}`);
    if (deploy.auth.kind === "mtls") steps.push(`${program} certs client ${FIRST_CLIENT} --config ${configFile}`);
  }
  if (deploy.tls.mode === "files")
    steps.push(`# first put your certificate chain into ${dir}/tls/server.pem and its key into ${dir}/tls/server.key`);
  if (missingSecret !== undefined) steps.push(`${program} secrets create ${missingSecret} --config ${configFile}`);
  steps.push(inDir("config --quiet"), inDir("up -d --wait"), inDir("ps"));
  if (deploy.proxy.kind === "caddy" && deploy.tls.mode === "internal")
    steps.push(inDir("cp proxy:/data/caddy/pki/authorities/local/root.crt ca.crt"));
  steps.push(
    `# to stop with a drain, the server first: (cd ${dir} && docker compose stop gigastt && docker compose stop)`,
  );
  return steps;
}

function kubernetesSteps(config: ResolvedConfig, { program, out, configFile, missingSecret }: Places): readonly Step[] {
  const { auth, kubernetes } = config.deploy;
  const { namespace } = kubernetes;
  const dir = join(out, "kubernetes");
  const secrets = join(out, "secrets");
  const first = missingSecret ?? (auth.kind === "keys" ? "key laptop" : "user anna");
  return [
    `kubectl apply -k ${dir} --dry-run=client`,
    `kubectl apply -k ${dir}`,
    // The pods wait for the Secret; "secrets create" prints the command that makes it.
    ...(auth.kind === "none"
      ? []
      : [
          `${program} secrets create ${first} --dir ${secrets} --config ${configFile}`,
          `kubectl -n ${namespace} create secret generic ${accessSecret(config, secrets)}`,
        ]),
    `kubectl -n ${namespace} rollout status deployment/gigastt`,
  ];
}
