import { caddyView } from "./caddy.ts";
import { haproxyView } from "./haproxy.ts";
import { nginxView } from "./nginx.ts";
import type { Placement, RenderedBody, RenderInput } from "../target.ts";
import { renderTemplate } from "../text/template-files.ts";

/** Renders the Caddyfile. */
export function renderCaddy(input: RenderInput, placement: Placement, dir: string): readonly RenderedBody[] {
  return [
    {
      path: `${dir}/Caddyfile`,
      body: renderTemplate("caddy/Caddyfile", caddyView(input, placement), "caddy"),
      comment: "#",
    },
  ];
}

/** Renders nginx.conf (complete main file), gigastt.conf (http context) and the include every location repeats. */
export function renderNginx(input: RenderInput, placement: Placement, dir: string): readonly RenderedBody[] {
  const view = nginxView(input, placement);
  return ["nginx.conf", "gigastt.conf", "gigastt-proxy.inc"].map((name) => ({
    path: `${dir}/${name}`,
    body: renderTemplate(`nginx/${name}`, view, "nginx"),
    comment: "#",
  }));
}

/** Renders haproxy.cfg (complete main file). */
export function renderHaproxy(input: RenderInput, dir: string): readonly RenderedBody[] {
  return [
    {
      path: `${dir}/haproxy.cfg`,
      body: renderTemplate("haproxy/haproxy.cfg", haproxyView(input), "haproxy"),
      comment: "#",
    },
  ];
}
