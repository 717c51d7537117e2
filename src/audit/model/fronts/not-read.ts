import type { Source } from "../../source.ts";
import { dirName } from "../../tree.ts";

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
];

/** A file, why it was not read, and what to do. */
interface NotRead {
  readonly source: Source;
  readonly reason: string;
  readonly cure: string;
}

/** Returns one line for each folder and kind. */
export function notRead(files: readonly { readonly source: Source; readonly kind: string }[]): readonly NotRead[] {
  const seen = new Set<string>();
  return files.flatMap(({ source, kind }): readonly NotRead[] => {
    if (kind !== "unknown") return [];
    const found = KINDS.find(({ is }) => is(source.path, source.text));
    const key = `${dirName(source.path)}\0${found?.reason}`;
    if (found === undefined || seen.has(key)) return [];
    seen.add(key);
    return [{ source, reason: found.reason, cure: found.cure }];
  });
}
