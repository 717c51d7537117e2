import type { RenderedBody, RenderInput } from "../target.ts";
import { renderYaml, type Remark } from "../text/yaml.ts";
import { APP_NAME, storeApp, versionOf } from "./app.ts";
import { storeService } from "./compose-part.ts";

/** Owner of an app's folders on umbrelOS. */
const UMBREL_UID = 1000;

const REMARKS: readonly Remark[] = [
  [["services", "app_proxy"], " gigastt-audit ignore[GA-LIF-017,GA-SBX-009] umbrelOS starts its own container here"],
  [
    ["services", "server", "user"],
    " gigastt-audit ignore[GA-SBX-001] the owner of the folders that umbrelOS gives an app",
  ],
];

/** Renders the package for umbrelOS: manifest, compose file, folders of the data. Umbrel's login guards it, unless the server asks for keys. */
export function renderUmbrel(input: RenderInput, dir: string): readonly RenderedBody[] {
  const app = storeApp(input, { login: true });
  const folder = `${dir}/${APP_NAME}`;
  const { tagline, description, firstRun, update } = app.texts;
  const manifest = {
    manifestVersion: 1,
    id: APP_NAME,
    category: "ai",
    name: APP_NAME,
    version: versionOf(app),
    tagline: tagline.en,
    description: `${description.en}\n\n${firstRun.en}`,
    releaseNotes: update.en,
    developer: APP_NAME,
    website: app.repository,
    dependencies: [],
    repo: app.repository,
    support: app.repository,
    port: app.port,
    gallery: [],
    icon: app.icon,
    path: app.page === "/" ? "" : app.page,
    defaultUsername: "",
    defaultPassword: "",
    submitter: APP_NAME,
    submission: app.repository,
  };
  const compose = {
    services: {
      app_proxy: {
        environment: {
          APP_HOST: `${APP_NAME}_server_1`,
          APP_PORT: app.port,
          // API clients cannot use Umbrel's login: with keys the server itself checks every request.
          ...(app.hasKeys ? { PROXY_AUTH_ADD: "false" } : {}),
        },
      },
      server: storeService(input, app, {
        ports: app.otherPorts.map(({ port }) => port),
        source: (name) => `\${APP_DATA_DIR}/data/${name}`,
        uid: UMBREL_UID,
        restart: "on-failure",
      }),
    },
  };
  return [
    { path: `${folder}/umbrel-app.yml`, body: renderYaml(manifest), comment: "#" },
    { path: `${folder}/docker-compose.yml`, body: renderYaml(compose, undefined, REMARKS), comment: "#" },
    // Umbrel copies these folders; a missing one would be made by Docker and belong to root.
    ...app.volumes.map(({ name }): RenderedBody => ({
      path: `${folder}/data/${name}/.gitkeep`,
      body: "",
      comment: "#",
    })),
  ];
}
