import { join } from "node:path";
import type { FilesOptions } from "./audit-files.ts";
import { AUDIT_FIXTURES, readFolder } from "./audit-files.ts";

/** One way to break a good fixture: the text `from` of `file` becomes `to`. */
export interface RuleCase extends FilesOptions {
  readonly rule: string;
  readonly name: string;
  /** Folder below test/fixtures/audit/base. */
  readonly base: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** More replacements that belong to the case. */
  readonly also?: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** New files of the case. */
  readonly add?: Readonly<Record<string, string>>;
  /** Text of the line that is flagged; default: any line. */
  readonly at?: string;
}

export interface CasesOfRule {
  readonly rule: string;
  readonly cases: readonly RuleCase[];
}

/** The cases of a rule, for its file below test/unit/audit/rules. */
export function casesOf(rule: string, cases: readonly Omit<RuleCase, "rule">[]): CasesOfRule {
  return { rule, cases: cases.map((item) => ({ ...item, rule })) };
}

/** A file of a good base. */
type Place = Pick<RuleCase, "base" | "file">;

/** Good files of a base. */
export function baseFiles(base: string): Record<string, string> {
  return readFolder(join(AUDIT_FIXTURES, "base", base));
}

/** Files of a case after it was broken. */
export function brokenFiles(item: RuleCase): Record<string, string> {
  const files = { ...baseFiles(item.base), ...item.add };
  for (const change of [...(item.from === "" && item.to === "" ? [] : [item]), ...(item.also ?? [])]) {
    const text = files[change.file];
    if (text === undefined || !text.includes(change.from))
      throw new Error(`${item.rule} ${item.name}: "${change.from}" is not in ${change.file}`);
    files[change.file] = text.replace(change.from, () => change.to);
  }
  return files;
}

export const INC = "gigastt-proxy.inc";
export const NGINX: Place = { base: "nginx", file: "nginx.conf" };
export const CADDY: Place = { base: "caddy", file: "Caddyfile" };
export const COMPOSE: Place = { base: "compose", file: "compose.yaml" };
export const KUBE: Place = { base: "kubernetes", file: "gigastt.yaml" };
export const UNIT: Place = { base: "systemd", file: "gigastt.service" };
export const DOCKER: Place = { base: "docker", file: "Dockerfile" };
/** The body of the WebSocket location in the good nginx.conf. */
export const WS =
  "include gigastt-proxy.inc;\n      proxy_pass http://gigastt;\n      proxy_read_timeout 330s;\n      proxy_send_timeout 330s;";
