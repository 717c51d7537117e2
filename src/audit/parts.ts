// What parsers, models and findings share; nothing here knows a rule.
import type { Span } from "./source.ts";

/** Replaces `span` by `text`. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

export interface Related {
  readonly span: Span;
  readonly message: string;
}

export type FileKind =
  | "config"
  | "nginx"
  | "caddyfile"
  | "caddy-json"
  | "compose"
  | "kubernetes"
  | "systemd"
  | "dockerfile"
  | "dotenv"
  | "htpasswd"
  | "gitignore"
  | "crontab"
  | "shell"
  | "process-manager"
  | "haproxy"
  | "apache"
  | "traefik"
  | "cloudflared"
  | "tailscale"
  | "quadlet"
  | "rendered";

/** The kinds that have a parser, or whose lines are read one by one. */
export const PARSED_KINDS: readonly FileKind[] = [
  "nginx",
  "caddyfile",
  "caddy-json",
  "compose",
  "kubernetes",
  "systemd",
  "dockerfile",
  "dotenv",
  "htpasswd",
  "config",
  "haproxy",
  "apache",
  "traefik",
  "cloudflared",
  "tailscale",
  "quadlet",
];

/** A file that could not be read as what it claims to be. */
export interface ParseProblem {
  readonly span: Span;
  readonly message: string;
}
