import { bind, LOGGING, type Yaml } from "./service.ts";
import { MODEL_FOLDER, PREPARE_SCRIPT, prepareService, prepareStep } from "./prepare.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import { RenderError } from "../errors.ts";
import { ACME_WEBROOT } from "../proxy/nginx.ts";
import { tlsFileNames, type RenderInput } from "../target.ts";

/** Renders the overlay of the proxy in front, with its init step. */
export function proxyOverlay(input: RenderInput): Yaml {
  const { config, derived } = input;
  const { deploy } = config;
  const kind = deploy.proxy.kind;
  const https = deploy.tls.mode !== "none";
  const secrets = secretFiles(input);
  const folders =
    kind === "caddy"
      ? [
          { path: "/data", uid: PROXY_UID },
          { path: "/config", uid: PROXY_UID },
        ]
      : [];
  const caddyVolumes = ["caddy-data:/data", "caddy-config:/config"];
  const mounted = deploy.compose.model === "volume";
  const step = prepareStep(
    [...(mounted ? [MODEL_FOLDER] : []), ...folders],
    [
      ...(mounted ? [] : [PREPARE_SCRIPT]),
      "proxy-files:/run/gigastt",
      ...(secrets.length > 0 ? [bind("./secrets", "/from/secrets")] : []),
      ...(kind === "caddy" ? caddyVolumes : []),
    ],
    [...secrets, ...tlsFiles(input)].map(({ from, to }) => ({ from, to, uid: PROXY_UID })),
  );
  // Compose joins the lists of a service's files and refuses an entry that then stands there twice: a service is described once.
  const prepare = mounted ? step : { ...prepareService(input), ...step };
  return {
    services: {
      prepare,
      proxy: {
        image: kind === "caddy" ? deploy.images.caddy : deploy.images.nginx,
        user: `${PROXY_UID}:${PROXY_UID}`,
        read_only: true,
        tmpfs:
          kind === "caddy"
            ? [`/tmp:mode=1777,size=16m`, `/run/caddy:mode=0700,uid=${PROXY_UID},gid=${PROXY_UID},size=1m`]
            : [`/tmp:mode=1777,size=${deploy.privacy === "strict" ? 16 : derived.tmpMiB}m`],
        cap_drop: ["ALL"],
        // Caddy's binary carries this as a file capability and does not even start where it is out of bounds.
        ...(kind === "caddy" ? { cap_add: ["NET_BIND_SERVICE"] } : {}),
        security_opt: ["no-new-privileges:true"],
        depends_on: {
          gigastt: { condition: "service_healthy" },
          prepare: { condition: "service_completed_successfully" },
        },
        ports: [
          `${deploy.httpPort}:80`,
          ...(https ? [`${deploy.httpsPort}:443`] : []),
          ...(https && kind === "caddy" ? [`${deploy.httpsPort}:443/udp`] : []),
        ],
        stop_grace_period: `${derived.compose.proxyStopS}s`,
        // nginx: QUIT finishes the requests in flight
        stop_signal: kind === "nginx" ? "SIGQUIT" : "SIGTERM",
        restart: "unless-stopped",
        healthcheck: {
          test:
            kind === "caddy"
              ? ["CMD", "nc", "-z", "127.0.0.1", https ? "443" : "80"]
              : [
                  "CMD",
                  "curl",
                  "-sS",
                  "-o",
                  "/dev/null",
                  "-H",
                  `Host: ${deploy.domain ?? "localhost"}`,
                  "http://127.0.0.1:80/health",
                ],
          interval: `${PROBE_PERIOD_S}s`,
          timeout: "5s",
          retries: 3,
          start_period: "30s",
        },
        deploy: { resources: { limits: { cpus: "1", memory: "256M", pids: 128 } } },
        logging: LOGGING,
        volumes:
          kind === "caddy"
            ? [bind("./caddy", "/etc/caddy"), "proxy-files:/run/gigastt:ro", ...caddyVolumes]
            : [
                bind("./nginx/nginx.conf", "/etc/nginx/nginx.conf"),
                bind("./nginx/gigastt.conf", "/etc/nginx/gigastt.conf"),
                bind("./nginx/gigastt-proxy.inc", "/etc/nginx/gigastt-proxy.inc"),
                "proxy-files:/run/gigastt:ro",
                ...(deploy.tls.mode === "acme" ? [bind(ACME_WEBROOT, ACME_WEBROOT)] : []),
              ],
        networks: ["edge"],
      },
    },
    volumes: { "proxy-files": {}, ...(kind === "caddy" ? { "caddy-data": {}, "caddy-config": {} } : {}) },
  };
}

/** Returns the init step's view of the certificates: `./tls`, or certbot's folder of the host. */
export function tlsOverlay(input: RenderInput): Yaml {
  const { tls, proxy } = input.config.deploy;
  const fromCertbot = proxy.kind === "nginx" && tls.mode === "acme";
  const volumes = [
    ...(fromCertbot ? [bind("/etc/letsencrypt", "/etc/letsencrypt")] : []),
    ...(tlsFiles(input).some(({ from }) => from.startsWith("/from/tls/")) ? [bind("./tls", "/from/tls")] : []),
  ];
  return { services: { prepare: { volumes } } };
}

/** Returns true when the proxy reads certificates that are not its own. */
export function needsTlsFolder(input: RenderInput): boolean {
  return input.config.deploy.proxy.kind !== "none" && tlsFiles(input).length > 0;
}

// ---

/** User of the proxy: neither root nor a user of the host. */
const PROXY_UID = 10002;

function secretFiles({ config }: RenderInput): readonly { readonly from: string; readonly to: string }[] {
  const { auth, proxy } = config.deploy;
  const caddy = proxy.kind === "caddy";
  if (auth.kind === "basic")
    return [{ from: `/from/secrets/${caddy ? "users.caddy" : "users.htpasswd"}`, to: "/run/gigastt/secrets" }];
  if (auth.kind === "keys")
    return [{ from: `/from/secrets/${caddy ? "keys.caddy" : "keys.map"}`, to: "/run/gigastt/secrets" }];
  return [];
}

function tlsFiles({ config }: RenderInput): readonly { readonly from: string; readonly to: string }[] {
  const { auth, proxy, tls, domain } = config.deploy;
  const to = "/run/gigastt/tls";
  const files: { from: string; to: string }[] = [];
  const server = tls.mode === "files" || (proxy.kind === "nginx" && tls.mode !== "none");
  if (server) {
    if (proxy.kind === "nginx" && tls.mode === "acme") {
      if (domain === undefined)
        throw new RenderError("deploy.domain is needed for deploy.tls.mode acme. Set the public host name.");
      files.push(
        { from: `/etc/letsencrypt/live/${domain}/fullchain.pem`, to },
        { from: `/etc/letsencrypt/live/${domain}/privkey.pem`, to },
      );
    } else {
      files.push(
        { from: `/from/tls/${tlsFileNames.certificateFile}`, to },
        { from: `/from/tls/${tlsFileNames.privateKeyFile}`, to },
      );
    }
  }
  if (auth.kind === "mtls") files.push({ from: `/from/tls/${tlsFileNames.clientCaFile}`, to });
  return files;
}
