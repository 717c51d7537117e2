import type { RenderedBody, RenderInput } from "../target.ts";
import { renderYaml } from "../text/yaml.ts";
import { APP_NAME, storeApp, versionOf } from "./app.ts";
import { PUBLISHED_PORT, storeProject, storeService } from "./compose-part.ts";
import type { Localized } from "./texts.ts";

/** Renders the entry for CasaOS and ZimaOS: one compose file with the store's own block. */
export function renderCasaos(input: RenderInput, dir: string): readonly RenderedBody[] {
  const app = storeApp(input, { login: false });
  const ports = [app.port, ...app.otherPorts.map(({ port }) => port)];
  const value = {
    name: APP_NAME,
    services: {
      [APP_NAME]: { ...storeService(input, app, { ports, source: (name) => name }), container_name: APP_NAME },
    },
    ...storeProject(input, app),
    "x-casaos": {
      id: reverseDomain(app.repository),
      main: APP_NAME,
      index: app.page,
      port_map: String(app.port),
      scheme: "http",
      icon: app.icon,
      title: { en_US: APP_NAME, ru_RU: APP_NAME },
      tagline: locales(app.texts.tagline),
      description: locales(app.texts.description),
      tips: { before_install: locales(app.texts.firstRun) },
      author: APP_NAME,
      developer: APP_NAME,
      category: "AI",
      architectures: ["amd64", "arm64"],
      version: versionOf(app),
      release_notes: locales(app.texts.update),
      website: app.repository,
      repo: app.repository,
      support: app.repository,
    },
  };
  const body = renderYaml(value, undefined, [PUBLISHED_PORT]);
  return [{ path: `${dir}/Apps/${APP_NAME}/docker-compose.yml`, body, comment: "#" }];
}

// ---

function locales({ en, ru }: Localized): Readonly<Record<string, string>> {
  return { en_US: en, ru_RU: ru };
}

/** Returns the app's identity: the host of the repository from the right, its owner, the app. */
function reverseDomain(repository: string): string {
  const { hostname, pathname } = new URL(repository);
  const owner = pathname.split("/").find((part) => part !== "");
  const parts = [...hostname.split(".").reverse(), ...(owner === undefined ? [] : [owner]), APP_NAME];
  return parts
    .map((part) =>
      part
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .replaceAll(/^-|-$/g, ""),
    )
    .filter((part) => part !== "")
    .join(".");
}
