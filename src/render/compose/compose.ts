import { configBody } from "../config-file.ts";
import { containerConfig, dataVolumes } from "../container-config.ts";
import { renderMonitoring } from "../monitoring/files.ts";
import { monitoringOverlay } from "./monitoring.ts";
import { buildOverlay, edgeOverlay, redisOverlay } from "./overlays.ts";
import { MODEL_FOLDER, PREPARE_SCRIPT, prepareService, prepareStep } from "./prepare.ts";
import { needsTlsFolder, proxyOverlay, tlsOverlay } from "./proxy.ts";
import { serverService } from "./server.ts";
import { scaleOverlay, withSharedStores } from "./scale.ts";
import { bind, type Yaml } from "./service.ts";
import { directListeners, type DirectListener } from "../../config/listeners.ts";
import { escapes } from "../text/escape.ts";
import { renderCaddy, renderNginx } from "../proxy/proxy.ts";
import type { RenderedBody, RenderInput } from "../target.ts";
import { renderTemplate } from "../text/template-files.ts";
import { renderYaml } from "../text/yaml.ts";

/** Renders the compose project: base file, overlays, the proxy's files, the server's configuration, `.env`. */
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
  if (deploy.monitoring) files.push(...renderMonitoring(input, "compose", `${dir}/monitoring`));
  return files;
}

/** Returns the server's configuration inside the project. */
export function serverConfig({ config, derived }: RenderInput): ReturnType<typeof containerConfig> {
  const { project, subnet, subnet6, model } = config.deploy.compose;
  return containerConfig(withSharedStores(config), derived, {
    trustedCidrs: config.deploy.proxy.kind === "none" ? [] : [subnet, subnet6],
    // Docker's DNS knows a service by its network's full name too.
    names: [`gigastt.${project}_edge`],
    mountedModel: model === "volume",
  });
}

// ---

function yamlFile(path: string, value: Yaml): RenderedBody {
  return { path, body: renderYaml(value), comment: "#" };
}

function composeFiles(input: RenderInput): readonly { readonly name: string; readonly value: Yaml }[] {
  const { deploy } = input.config;
  const files: { name: string; value: Yaml }[] = [];
  if (deploy.proxy.kind !== "none")
    files.push({ name: `compose.${deploy.proxy.kind}.yaml`, value: proxyOverlay(input) });
  if (needsTlsFolder(input)) files.push({ name: "compose.tls.yaml", value: tlsOverlay(input) });
  if (deploy.monitoring) files.push({ name: "compose.monitoring.yaml", value: monitoringOverlay(input) });
  for (const overlay of deploy.compose.overlays) {
    const value = { build: buildOverlay, edge: edgeOverlay, redis: redisOverlay, scale: scaleOverlay }[overlay](input);
    files.push({ name: `compose.${overlay}.yaml`, value });
  }
  return files;
}

/** Clients of these protocols know no proxy: the host passes the port on, on the address that the configuration names. */
export function publishedPort({ host, port }: DirectListener): string {
  if (host === "0.0.0.0" || host === "::") return `${port}:${port}`;
  const address = host === "localhost" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `${address}:${port}:${port}`;
}

function baseFile(input: RenderInput): Yaml {
  const { config } = input;
  const { compose } = config.deploy;
  const port = config.server.port;
  const mounted = compose.model === "volume";
  const published = directListeners(config).map(publishedPort);
  const data = Object.entries(dataVolumes(withSharedStores(config)));
  const volumes = [...(mounted ? ["models"] : []), ...data.map(([name]) => name)];
  return {
    name: compose.project,
    services: {
      ...(mounted
        ? { prepare: { ...prepareService(input), ...prepareStep([MODEL_FOLDER], [PREPARE_SCRIPT, "models:/models"]) } }
        : {}),
      gigastt: {
        ...serverService(input, {
          ...(compose.publish === "loopback" || published.length > 0
            ? { ports: [...(compose.publish === "loopback" ? [`127.0.0.1:${port}:${port}`] : []), ...published] }
            : {}),
          ...(compose.publish === "loopback" ? {} : { expose: [String(port)] }),
        }),
        volumes: [
          bind("./gigastt.config.yaml", "/etc/gigastt/gigastt.config.yaml"),
          ...(mounted ? ["models:/models:ro"] : []),
          ...data.map(([name, dir]) => `${name}:${dir}`),
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
    ...(volumes.length > 0 ? { volumes: Object.fromEntries(volumes.map((name) => [name, {}])) } : {}),
  };
}
