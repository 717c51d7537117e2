import type { RenderedBody, RenderInput } from "../target.ts";
import { renderYaml } from "../text/yaml.ts";
import { APP_NAME, storeApp, versionOf, type StoreApp } from "./app.ts";
import { truenasQuestions } from "./truenas-questions.ts";

/** The user `apps` of TrueNAS. */
const TRUENAS_UID = 568;
/** Version of the catalogue's library that the template is written for; their tools fill in its hash. */
const LIBRARY = "2.3.11";

/** Renders the app for the TrueNAS catalogue: metadata, questions, and the template that its library turns into a compose file. */
export function renderTruenas(input: RenderInput, dir: string): readonly RenderedBody[] {
  const app = storeApp(input, { login: false });
  const folder = `${dir}/${APP_NAME}`;
  const yaml = (name: string, value: unknown): RenderedBody => ({
    path: `${folder}/${name}`,
    body: renderYaml(value),
    comment: "#",
  });
  const shown = { categories: ["ai"], screenshots: [] };
  return [
    yaml("app.yaml", {
      app_version: versionOf(app),
      capabilities: [],
      ...shown,
      changelog_url: app.repository,
      description: `${app.texts.description.en} ${app.texts.update.en}`,
      home: app.repository,
      host_mounts: [],
      icon: app.icon,
      keywords: ["speech recognition", "transcription"],
      lib_version: LIBRARY,
      lib_version_hash: "",
      maintainers: [{ email: input.config.deploy.tls.email ?? "", name: APP_NAME, url: app.repository }],
      name: APP_NAME,
      run_as_context: [
        {
          description: `Container [${APP_NAME}] runs as a non-root user and group.`,
          gid: TRUENAS_UID,
          group_name: "Host group is [apps]",
          uid: TRUENAS_UID,
          user_name: "Host user is [apps]",
        },
      ],
      sources: [app.repository],
      title: APP_NAME,
      train: "community",
      version: "1.0.0",
    }),
    yaml("item.yaml", { ...shown, icon_url: app.icon, tags: ["speech recognition", "transcription"] }),
    yaml("ix_values.yaml", fixedValues(input, app)),
    yaml("questions.yaml", truenasQuestions(app, input.derived.compose.memoryMiB)),
    yaml("templates/test_values/basic-values.yaml", testValues(input, app)),
    { path: `${folder}/templates/docker-compose.yaml`, body: TEMPLATE, comment: "#" },
    {
      path: `${folder}/README.md`,
      body: `# ${APP_NAME}\n\n${app.texts.description.en}\n\n${app.texts.firstRun.en}\n\n${app.texts.update.en}\n`,
      comment: "xml",
    },
  ];
}

// ---

/** Jinja, for the catalogue's library. What differs between configurations stands in ix_values.yaml. */
const TEMPLATE = `{% set tpl = ix_lib.base.render.Render(values) %}
{% set consts = values.consts %}
{% set c1 = tpl.add_container(consts.container_name, "image") %}
{% set perms = tpl.deps.perms(consts.perms_container_name) %}
{% set owner = {"uid": consts.user, "gid": consts.user, "mode": "check"} %}

{% do c1.set_user(consts.user, consts.user) %}
{% do c1.set_init(True) %}
{% do c1.set_read_only(True) %}
{% do c1.set_grace_period(consts.stop_s) %}
{% do c1.healthcheck.set_test("node", {"port": values.network.web_port.port_number, "path": "/ready"}) %}
{% do c1.healthcheck.set_start_period(consts.health_start_s) %}

{% do c1.environment.add_env("GIGASTT_PORT", values.network.web_port.port_number) %}
{% for variable in consts.environment %}
  {% do c1.environment.add_env(variable.name, variable.value) %}
{% endfor %}

{% set private = {"mode": "0700", "uid": consts.user, "gid": consts.user, "size": consts.tmp_mib} %}
{% do c1.add_storage("/tmp", {"type": "tmpfs", "tmpfs_config": private}) %}
{% for folder in consts.folders %}
  {% do c1.add_storage(folder.path, dict(values.storage[folder.name], read_only=folder.read_only)) %}
  {% if not folder.read_only %}
    {% do perms.add_or_skip_action(folder.name, values.storage[folder.name], owner) %}
  {% endif %}
{% endfor %}
{% if perms.has_actions() %}
  {% do perms.activate() %}
  {% do c1.depends.add_dependency(consts.perms_container_name, "service_completed_successfully") %}
{% endif %}

{% do c1.add_port(values.network.web_port) %}
{% for port in consts.ports %}
  {% do c1.environment.add_env(port.variable, values.network[port.name].port_number) %}
  {% do c1.add_port(values.network[port.name]) %}
{% endfor %}
{% do tpl.portals.add(values.network.web_port, {"path": consts.page}) %}
{% do tpl.notes.set_body(consts.notes) %}

{{ tpl.render() | tojson }}
`;

function fixedValues({ derived }: RenderInput, app: StoreApp): unknown {
  const asked = new Set(["GIGASTT_PORT", ...app.otherPorts.map(({ variable }) => variable)]);
  return {
    images: {
      image: { repository: app.image.name, tag: app.image.tag },
      container_utils_image: { repository: "ixsystems/container-utils", tag: "1.0.2" },
    },
    consts: {
      container_name: APP_NAME,
      perms_container_name: "permissions",
      user: TRUENAS_UID,
      page: app.page,
      tmp_mib: derived.tmpMiB,
      stop_s: derived.compose.appStopS,
      health_start_s: derived.compose.healthStartS,
      notes: app.texts.firstRun.en,
      environment: Object.entries(app.environment)
        .filter(([name]) => !asked.has(name))
        .map(([name, value]) => ({ name, value })),
      ports: app.otherPorts.map(({ name, variable }) => ({ name: `${name}_port`, variable })),
      folders: app.volumes.map(({ name, path, isReadOnly }) => ({ name, path, read_only: isReadOnly })),
    },
  };
}

/** Values as a user would answer the questions, for the catalogue's own tests. */
function testValues({ derived }: RenderInput, app: StoreApp): unknown {
  const port = (number: number): unknown => ({ bind_mode: "published", port_number: number });
  return {
    TZ: "Etc/UTC",
    network: {
      web_port: port(app.port),
      ...Object.fromEntries(app.otherPorts.map((other) => [`${other.name}_port`, port(other.port)])),
    },
    ix_volumes: Object.fromEntries(app.volumes.map(({ name }) => [name, `/opt/tests/mnt/${APP_NAME}/${name}`])),
    storage: Object.fromEntries(
      app.volumes.map(({ name }) => [
        name,
        { type: "ix_volume", ix_volume_config: { dataset_name: name, create_host_path: true } },
      ]),
    ),
    resources: { limits: { cpus: 2, memory: derived.compose.memoryMiB } },
  };
}
