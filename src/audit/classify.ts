import type { ClassifiedFile } from "./model/facts.ts";
import type { Source } from "./source.ts";
import { baseName, dirName } from "./tree.ts";

/** What a file is, by name and, where names do not tell, by content. `explicit`: the user named this very file. */
export function classify(source: Source, explicit = false): ClassifiedFile["kind"] {
  const name = baseName(source.path);
  const lower = name.toLowerCase();
  const folder = baseName(dirName(source.path));
  const { text } = source;
  if (lower === ".gitignore") return "gitignore";
  if (
    /^(?:dockerfile|containerfile)(?:[.-].+)?$|\.(?:dockerfile|containerfile)$/.test(lower) &&
    !/\.(?:md|sh|dockerignore)$/.test(lower)
  )
    return "dockerfile";
  if (/\.(?:service|socket|timer)$/.test(lower)) return "systemd";
  if (/\.(?:service|socket|timer)\.d$/.test(folder) && lower.endsWith(".conf")) return "systemd";
  if (lower.endsWith(".pod")) return /^\[Pod\]/m.test(text) ? "quadlet" : "unknown";
  if (lower.endsWith(".container")) return /^\[Container\]/m.test(text) ? "quadlet" : "unknown";
  if (/^\.env(?:\..+)?$|\.env$/.test(lower)) return "dotenv";
  if (/htpasswd/.test(lower)) return "htpasswd";
  if (/\.(?:key|pem)$/.test(lower)) return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? "key" : "unknown";
  if (/^(?:caddyfile(?:[.-].+)?|.+\.caddy(?:file)?)$/.test(lower) && !/\.(?:md|json)$/.test(lower)) return "caddyfile";
  if (/^crontab$|\.cron(?:tab)?$/.test(lower) || folder === "cron.d") return "crontab";
  if (/^(?:ecosystem|pm2|process)(?:\.config)?\.(?:c?js|mjs|json|ya?ml)$/.test(lower)) return "process-manager";
  if (/\.ya?ml$/.test(lower)) return classifyYaml(source, lower);
  if (lower.endsWith(".json")) return classifyJson(text);
  if (looksLikeHaproxy(lower, text)) return "haproxy";
  if (looksLikeApache(lower, text)) return "apache";
  if (/\.(?:sh|bash)$/.test(lower) || /^#!.*\b(?:ba|da|z)?sh\b/.test(text.slice(0, 60))) return "shell";
  if (/^# configuration file .+:$/m.test(text)) return "nginx";
  if (isNginxName(lower, folder, source.path) && looksLikeNginx(text)) return "nginx";
  if (explicit && looksLikeNginx(text)) return "nginx";
  if (explicit && looksLikeCaddyfile(text)) return "caddyfile";
  return "unknown";
}

// ---

function classifyYaml(source: Source, lower: string): ClassifiedFile["kind"] {
  const { text } = source;
  if (/^gigastt(?:\..+)?\.ya?ml$/.test(lower) && !/^(?:apiVersion|services|http):/m.test(text)) return "config";
  if (/\{\{[^{}\n]*\}\}/.test(text) && /(?:^|\/)templates\//.test(source.path)) return "unknown"; // a Helm template is not YAML before it is rendered
  if (/^kustomization\.ya?ml$/.test(lower)) return "kubernetes";
  if (/^apiVersion:\s*\S/m.test(text) && /^kind:\s*\S/m.test(text)) return "kubernetes";
  if (/^(?:docker-)?compose(?:[.-].+)?\.ya?ml$/.test(lower) || /compose.*\.ya?ml$/.test(lower)) return "compose";
  if (/^tunnel:/m.test(text) && /^ingress:/m.test(text)) return "cloudflared";
  if (looksLikeTraefik(text)) return "traefik";
  if (/^services:\s*(?:#.*)?$/m.test(text) && /^\s+(?:image|build|ports):/m.test(text)) return "compose";
  return "unknown";
}

function classifyJson(text: string): ClassifiedFile["kind"] {
  if (/"apps"\s*:\s*\{/.test(text) && /"http"\s*:\s*\{/.test(text)) return "caddy-json";
  if (/"Handlers"\s*:/.test(text) && /"Web"\s*:/.test(text)) return "tailscale";
  if (/"apiVersion"\s*:/.test(text) && /"kind"\s*:/.test(text)) return "kubernetes";
  return "unknown";
}

/** A static file with entry points, or a dynamic one with routers. */
function looksLikeTraefik(text: string): boolean {
  return /^entryPoints:/im.test(text) || (/^http:/m.test(text) && /^\s+(?:routers|middlewares|services):/m.test(text));
}

function looksLikeHaproxy(lower: string, text: string): boolean {
  return (
    /\.(?:cfg|conf)$|haproxy/.test(lower) &&
    /^(?:frontend|backend|listen)\s+\S+/m.test(text) &&
    /^\s+(?:server|bind)\s+\S/m.test(text)
  );
}

function looksLikeApache(lower: string, text: string): boolean {
  if (lower === ".htaccess") return /^[ \t]*RewriteRule\s[^\n]*\[(?:[^\]\n]*,)?P(?:,|\])/m.test(text);
  return /\.(?:conf|vhost)$|apache|httpd/.test(lower) && /^[ \t]*(?:<VirtualHost\b|ProxyPass(?:Match)?\s)/im.test(text);
}

function isNginxName(lower: string, folder: string, path: string): boolean {
  if (/\.(?:conf|nginx|inc|template|vhost|site)$|nginx|^proxy_params$/.test(lower))
    return !/\.(?:md|txt|log|ya?ml)$/.test(lower);
  return /^(?:sites-(?:enabled|available)|conf\.d|snippets|vhosts?)$/.test(folder) || /(?:^|\/)nginx\//.test(path);
}

/** A line of addresses that opens a block, and a directive that serves something. Each pattern reads a line once. */
function looksLikeCaddyfile(text: string): boolean {
  return (
    /^[ \t]*[\w.*:{}$-][\w.*:{}$, \t-]*\{[ \t\r]*$/m.test(text) &&
    /\b(?:reverse_proxy|respond|file_server)\b/.test(text)
  );
}

function looksLikeNginx(text: string): boolean {
  if (/^[ \t]*</m.test(text) || /\{%[^%\n]*%\}|\{\{[^{}\n]*\}\}/.test(text)) return false; // Apache and Jinja
  return /^[ \t]*(?:(?:server|http|events|upstream\s+\S+|location\s+[^;{\n]+|map\s+\S+\s+\S+|stream|geo\s+[^;{\n]+)\s*\{|(?:proxy_pass|proxy_set_header|proxy_http_version|proxy_read_timeout|proxy_buffering|listen|server_name|add_header|ssl_certificate|ssl_protocols|client_max_body_size|limit_req_zone|include|worker_processes|set_real_ip_from|real_ip_header|gzip|root|upstream)\s[^;{}]{0,2000};)/m.test(
    text,
  );
}
