import type { RenderedBody, RenderInput } from "../target.ts";
import { renderYaml } from "../text/yaml.ts";
import { APP_NAME, storeApp } from "./app.ts";
import { PUBLISHED_PORT, storeProject, storeService } from "./compose-part.ts";

/** Renders the app template for Portainer (format 3) and the stack file that it names. */
export function renderPortainer(input: RenderInput, dir: string): readonly RenderedBody[] {
  const app = storeApp(input, { login: false });
  const ports = [app.port, ...app.otherPorts.map(({ port }) => port)];
  const stack = {
    services: { [APP_NAME]: storeService(input, app, { ports, source: (name) => name }) },
    ...storeProject(input, app),
  };
  const templates = {
    version: "3",
    templates: [
      {
        id: 1,
        type: 3,
        title: APP_NAME,
        description: app.texts.tagline.en,
        note: [app.texts.description.en, app.texts.firstRun.en, app.texts.update.en].join("<br>"),
        categories: ["ai"],
        platform: "linux",
        logo: app.icon,
        repository: { url: app.repository, stackfile: `${dir}/docker-compose.yml` },
      },
    ],
  };
  return [
    { path: `${dir}/templates.json`, body: `${JSON.stringify(templates, null, 2)}\n`, comment: "json" },
    {
      path: `${dir}/docker-compose.yml`,
      body: renderYaml(stack, undefined, [PUBLISHED_PORT]),
      comment: "#",
    },
  ];
}
