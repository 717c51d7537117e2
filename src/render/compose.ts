import { configBody } from "./config-file.ts";
import { CONTAINER_MODELS, containerConfig } from "./container-config.ts";
import { derive, PROBE_PERIOD_S } from "./derive.ts";
import { renderCaddy, renderNginx } from "./proxy.ts";
import { ACME_WEBROOT } from "./nginx.ts";
import { escapes } from "./escape.ts";
import { tlsFileNames, type RenderedBody, type RenderInput } from "./target.ts";
import { renderTemplate } from "./template-files.ts";
import { renderYaml } from "./yaml.ts";
import { RenderError } from "./errors.ts";

/** User of the server inside its image. */
export const APP_UID = 10001;
/** User of the proxy: neither root nor a user of the host. */
export const PROXY_UID = 10002;
const REDIS_UID = 10003;

/** The compose project: base file, overlays, the proxy's files, the server's configuration, `.env`. */
export function renderCompose(input: RenderInput, dir: string): readonly RenderedBody[] {
  const { deploy } = input.config;
  const proxy = deploy.proxy.kind;
  const overlays = composeFiles(input);
  const files: RenderedBody[] = [
    yamlFile(`${dir}/compose.yaml`, baseFile(input)),
    ...overlays.map(({ name, value }) => yamlFile(`${dir}/${name}`, value)),
    configBody(`${dir}/gigastt.config.yaml`, serverConfig(input)),
    { path: `${dir}/prepare.mjs`, body: renderTemplate("compose/prepare.mjs", {}, "shell"), comment: "//" },
    {
      path: `${dir}/.env`,
      body: `${[
        ["COMPOSE_PROJECT_NAME", deploy.compose.project],
        ["COMPOSE_FILE", ["compose.yaml", ...overlays.map(({ name }) => name)].join(":")],
      ]
        // single quotes: Compose interpolates `$` in every other spelling
        .map(([name, value]) => `${name}=${escapes.env(value!)}`)
        .join("\n")}\n`,
      comment: "#",
    },
    { path: `${dir}/.gitignore`, body: "secrets/\ntls/\n.env.local\n", comment: "#" },
  ];
  if (proxy === "caddy") files.push(...renderCaddy(input, "compose", `${dir}/caddy`));
  if (proxy === "nginx") files.push(...renderNginx(input, "compose", `${dir}/nginx`));
  return files;
}

/** The server's configuration inside the project. */
export function serverConfig({ config, derived }: RenderInput): ReturnType<typeof containerConfig> {
  const { subnet, subnet6, model } = config.deploy.compose;
  return containerConfig(config, derived, {
    trustedCidrs: config.deploy.proxy.kind === "none" ? [] : [subnet, subnet6],
    mountedModel: model === "volume",
  });
}

// ---

type Yaml = Readonly<Record<string, unknown>>;

function yamlFile(path: string, value: Yaml): RenderedBody {
  return { path, body: renderYaml(value), comment: "#" };
}

function composeFiles(input: RenderInput): readonly { readonly name: string; readonly value: Yaml }[] {
  const { deploy } = input.config;
  const files: { name: string; value: Yaml }[] = [];
  if (deploy.proxy.kind !== "none")
    files.push({ name: `compose.${deploy.proxy.kind}.yaml`, value: proxyOverlay(input) });
  if (needsTlsFolder(input)) files.push({ name: "compose.tls.yaml", value: tlsOverlay(input) });
  for (const overlay of deploy.compose.overlays) {
    const value = { build: buildOverlay, edge: edgeOverlay, redis: redisOverlay }[overlay](input);
    files.push({ name: `compose.${overlay}.yaml`, value });
  }
  return files;
}

function baseFile(input: RenderInput): Yaml {
  const { config, derived } = input;
  const { compose, images } = config.deploy;
  const port = config.server.port;
  const mounted = compose.model === "volume";
  return {
    name: compose.project,
    services: {
      ...(mounted
        ? { prepare: { ...prepareService(input), ...prepareStep([MODEL_FOLDER], [PREPARE_SCRIPT, "models:/models"]) } }
        : {}),
      gigastt: {
        image: images.app,
        user: `${APP_UID}:${APP_UID}`,
        init: true,
        read_only: true,
        tmpfs: [`/tmp:mode=1777,size=${derived.tmpMiB}m`],
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        ...(compose.publish === "loopback" ? { ports: [`127.0.0.1:${port}:${port}`] } : { expose: [String(port)] }),
        stop_grace_period: `${derived.compose.appStopS}s`,
        stop_signal: "SIGTERM",
        restart: "unless-stopped",
        healthcheck: {
          test: [
            "CMD",
            "node",
            "-e",
            `fetch('http://127.0.0.1:${port}/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`,
          ],
          // Not start_interval: Docker Engine before 25 (Debian 12 has 20.10) refuses the whole project for it.
          interval: `${PROBE_PERIOD_S}s`,
          timeout: "5s",
          retries: 3,
          start_period: `${derived.compose.healthStartS}s`,
        },
        deploy: {
          resources: {
            limits: {
              ...(compose.cpus === undefined ? {} : { cpus: String(compose.cpus) }),
              memory: `${derived.compose.memoryMiB}M`,
              pids: compose.pids,
            },
          },
        },
        logging: LOGGING,
        volumes: [
          bind("./gigastt.config.yaml", "/etc/gigastt/gigastt.config.yaml"),
          ...(mounted ? ["models:/models:ro"] : []),
        ],
        networks: ["edge"],
        ...(mounted ? { depends_on: { prepare: { condition: "service_completed_successfully" } } } : {}),
      },
    },
    networks: {
      edge: {
        // A fixed range, so that the server can trust exactly this network; IPv6, so that clients keep their own address.
        enable_ipv6: true,
        ipam: { config: [{ subnet: compose.subnet }, { subnet: compose.subnet6 }] },
      },
    },
    ...(mounted ? { volumes: { models: {} } } : {}),
  };
}

function proxyOverlay(input: RenderInput): Yaml {
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

/** The init step's view of the certificates: `./tls`, or certbot's folder of the host. */
function tlsOverlay(input: RenderInput): Yaml {
  const { tls, proxy } = input.config.deploy;
  const fromCertbot = proxy.kind === "nginx" && tls.mode === "acme";
  const volumes = [
    ...(fromCertbot ? [bind("/etc/letsencrypt", "/etc/letsencrypt")] : []),
    ...(tlsFiles(input).some(({ from }) => from.startsWith("/from/tls/")) ? [bind("./tls", "/from/tls")] : []),
  ];
  return { services: { prepare: { volumes } } };
}

function buildOverlay({ config }: RenderInput): Yaml {
  const { images } = config.deploy;
  return {
    services: {
      gigastt: {
        build: {
          // the repository, seen from the folder of this file
          context: "${GIGASTT_SOURCE:?set it to the folder of the gigastt sources}",
          dockerfile: "deploy/Dockerfile",
          args: { NODE_BUILD: images.nodeBuild, NODE_RUNTIME: images.nodeRuntime },
        },
        pull_policy: "build",
      },
    },
  };
}

/** A small box: two cores, one worker, two sessions, memory for exactly that. */
function edgeOverlay({ config }: RenderInput): Yaml {
  const size = Math.min(2, config.pool.size);
  const { memoryMiB } = derive({ ...config, pool: { ...config.pool, size } }).compose;
  return {
    services: {
      gigastt: {
        environment: { GIGASTT_POOL_SIZE: String(size), GIGASTT_ENGINE_WORKERS: "1", GIGASTT_ENGINE_THREADS: "2" },
        deploy: { resources: { limits: { cpus: "2", memory: `${memoryMiB}M`, pids: 128 } } },
      },
    },
  };
}

function redisOverlay(input: RenderInput): Yaml {
  const { images } = input.config.deploy;
  return {
    services: {
      redis: {
        image: images.redis,
        user: `${REDIS_UID}:${REDIS_UID}`,
        // What is kept there may be lost: nothing is written to a disk.
        command: [
          "redis-server",
          "--save",
          "",
          "--appendonly",
          "no",
          "--maxmemory",
          "128mb",
          "--maxmemory-policy",
          "noeviction",
          // The network lets nobody else in.
          "--protected-mode",
          "no",
        ],
        read_only: true,
        tmpfs: [`/data:mode=0700,uid=${REDIS_UID},gid=${REDIS_UID},size=16m`],
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        stop_grace_period: "30s",
        restart: "unless-stopped",
        healthcheck: {
          test: ["CMD", "redis-cli", "ping"],
          interval: `${PROBE_PERIOD_S}s`,
          timeout: "5s",
          retries: 3,
          start_period: "10s",
        },
        deploy: { resources: { limits: { cpus: "1", memory: "256M", pids: 64 } } },
        logging: LOGGING,
        // reachable by the server only: the network has no way out and the proxy is not on it
        networks: ["backend"],
      },
      // joined with the base file's
      gigastt: { networks: ["backend"] },
    },
    networks: { backend: { internal: true } },
  };
}

function prepareService({ config }: RenderInput): Yaml {
  return {
    image: config.deploy.images.app,
    // The only root in the project: it changes owners, has no network and ends before anything else starts.
    user: "0:0",
    entrypoint: ["node", "/prepare.mjs"],
    command: [],
    read_only: true,
    network_mode: "none",
    cap_drop: ["ALL"],
    cap_add: ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
    security_opt: ["no-new-privileges:true"],
    restart: "no",
    healthcheck: { disable: true },
    deploy: { resources: { limits: { cpus: "1", memory: "128M", pids: 64 } } },
    logging: LOGGING,
  };
}

/** What the init step has to do, and on which volumes. */
function prepareStep(
  folders: readonly { readonly path: string; readonly uid: number }[],
  volumes: readonly unknown[],
  files: readonly { readonly from: string; readonly to: string; readonly uid: number }[] = [],
): Yaml {
  return {
    environment: { PREPARE_FILES: JSON.stringify(files), PREPARE_FOLDERS: JSON.stringify(folders) },
    volumes,
  };
}

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

function needsTlsFolder(input: RenderInput): boolean {
  return input.config.deploy.proxy.kind !== "none" && tlsFiles(input).length > 0;
}

/** Read-only bind mount that fails when the source is missing instead of creating an empty folder. */
function bind(source: string, target: string): Yaml {
  return { type: "bind", source, target, read_only: true, bind: { create_host_path: false } };
}

const MODEL_FOLDER = { path: CONTAINER_MODELS, uid: APP_UID };
const PREPARE_SCRIPT = bind("./prepare.mjs", "/prepare.mjs");
const LOGGING = { driver: "json-file", options: { "max-size": "10m", "max-file": "5" } } as const;
