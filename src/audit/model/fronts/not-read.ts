import type { Source } from "../../source.ts";
import { dirName } from "../../tree.ts";

/** What has no word of this server is about something else. */
const OURS = /giga-?stt|gigaam|\b(?:stt|asr)\b|\b9876\b/i;
const RENDER_CHART = "Audit what the chart makes of them: helm template NAME CHART -f FILE > rendered.yaml";
const ON_MACHINE = "Audit the files on the machine they are for.";

/** Files that say how clients reach a server, and that have no reader here: each kind with what to do about it. */
const KINDS: readonly {
  readonly is: (path: string, text: string) => boolean;
  readonly reason: string;
  readonly cure: string;
}[] = [
  {
    is: (path, text) => path.endsWith(".toml") && /^\[(?:entryPoints|http\.(?:routers|services))\b/im.test(text),
    reason: "Traefik's TOML is not read",
    cure: "Write the same as YAML: Traefik reads both.",
  },
  {
    is: (path, text) => /(?:^|\/)templates\/[^/]+\.ya?ml$/.test(path) && /\{\{/.test(text) && /^kind:/m.test(text),
    reason: "a Helm template is not YAML before it is rendered",
    cure: "Audit its output: helm template CHART > rendered.yaml",
  },
  {
    is: (path, text) => /\.(?:ya?ml|json)$/.test(path) && /^\s*"?static_resources"?:/m.test(text),
    reason: "Envoy's configuration is not read",
    cure: "Check its timeouts, its body limit and xff_num_trusted_hops by hand.",
  },
  {
    is: (path, text) => /(?:^|\/)values[^/]*\.ya?ml$/.test(path) && OURS.test(text),
    reason: "the values of a Helm chart are not read",
    cure: RENDER_CHART,
  },
  {
    is: (path, text) =>
      /\.ya?ml$/.test(path) && /^kind: (?:HelmRelease|HelmChart|Application)\b/m.test(text) && OURS.test(text),
    reason: "the values of a Helm chart are not read",
    cure: RENDER_CHART,
  },
  {
    is: (path, text) =>
      /\.ya?ml$/.test(path) && /^[ \t]*(?:- )?(?:[\w.]+\.)?docker_container:/m.test(text) && OURS.test(text),
    reason: "Ansible's tasks are not read",
    cure: ON_MACHINE,
  },
  {
    is: (path, text) => /\.(?:j2|jinja2?|erb|tpl|tmpl)$/.test(path) && OURS.test(text),
    reason: "a template is not read before it is filled in",
    cure: ON_MACHINE,
  },
  {
    is: (path, text) =>
      path.endsWith(".nix") && /\b(?:nginx|caddy|traefik|oci-containers)\b/.test(text) && OURS.test(text),
    reason: "NixOS modules are not read",
    cure: "Audit what they make: the unit, and the nginx.conf or Caddyfile that it names.",
  },
  {
    is: (path, text) => /\.(?:tf|hcl|nomad)$/.test(path) && OURS.test(text),
    reason: "Terraform's and Nomad's files are not read",
    cure: "Check its ports, its stop timeout and its memory limit by hand.",
  },
  {
    is: (_, text) => /^\[program:[^\]]+\]/m.test(text) && OURS.test(text),
    reason: "supervisord's files are not read",
    cure: "Check stopsignal (TERM), stopwaitsecs (above shutdown.drain) and user by hand.",
  },
];

/** Returns true for a file of a kind that is named because it has no reader. */
export function isRecognised({ path, text }: Source): boolean {
  return KINDS.some(({ is }) => is(path, text));
}

/** A file, why it was not read, and what to do. */
interface NotRead {
  readonly source: Source;
  readonly reason: string;
  readonly cure: string;
}

/** Returns one line for each folder and kind. */
export function notRead(files: readonly { readonly source: Source; readonly kind: string }[]): readonly NotRead[] {
  const seen = new Set<string>();
  const charts = new Set(
    files.filter(({ source }) => /(?:^|\/)Chart\.yaml$/.test(source.path)).map(({ source }) => dirName(source.path)),
  );
  return files.flatMap(({ source, kind }): readonly NotRead[] => {
    if (kind !== "unknown" && kind !== "kubernetes") return [];
    // A chart of one's own is named by its templates.
    if (/(?:^|\/)values[^/]*\.ya?ml$/.test(source.path) && charts.has(dirName(source.path))) return [];
    const found = KINDS.find(({ is }) => is(source.path, source.text));
    const key = `${dirName(source.path)}\0${found?.reason}`;
    if (found === undefined || seen.has(key)) return [];
    seen.add(key);
    return [{ source, reason: found.reason, cure: found.cure }];
  });
}
