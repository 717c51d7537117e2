import { RenderError } from "../errors.ts";

/**
 * Turns one value into text that is exactly one token of the target format, or refuses it.
 *
 * @param before what the line says already: the setting decides how systemd reads what follows
 */
export type Escape = (value: string, before?: string) => string;

export type EscapeTarget = "caddy" | "nginx" | "haproxy" | "systemd" | "env" | "dockerfile" | "shell";

export const escapes: Readonly<Record<EscapeTarget, Escape>> = {
  caddy: escapeCaddy,
  nginx: escapeNginx,
  haproxy: escapeHaproxy,
  systemd: escapeSystemd,
  env: escapeEnv,
  dockerfile: (value) => refuseUnless(/^[A-Za-z0-9_.,/:@=+-]+$/, value, "a Dockerfile"),
  shell: (value) => refuseUnless(/^[A-Za-z0-9_.,/:@=+-]+$/, value, "a firewall script"),
};

// ---

/** Caddyfile: braces would open a placeholder or a block and cannot be escaped; a double-quoted token knows only `\"`. */
function escapeCaddy(value: string): string {
  refuseControl(value, "a Caddyfile");
  if (/[{}\\]/.test(value) || value.startsWith("@")) refuse(value, "a Caddyfile");
  if (/^[A-Za-z0-9_./:,=+*%~@-]+$/.test(value)) return value;
  return `"${value.replaceAll('"', '\\"')}"`;
}

/** nginx: `$` starts a variable and has no escape. */
function escapeNginx(value: string): string {
  refuseControl(value, "an nginx file");
  if (value.includes("$")) refuse(value, "an nginx file");
  if (/^[A-Za-z0-9_./:,=+*%~@-]+$/.test(value)) return value;
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** HAProxy: `%` starts a sample in a format and `$` a variable in double quotes; single quotes stand in header values. */
function escapeHaproxy(value: string): string {
  refuseControl(value, "a HAProxy file");
  if (/[%$]/.test(value)) refuse(value, "a HAProxy file");
  if (/^[A-Za-z0-9_./:,=+*~@[\]-]+$/.test(value)) return value;
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** systemd: `%` is a specifier, `$` a variable in command lines. A working directory is the whole rest of its line and takes no quotes. */
function escapeSystemd(value: string, before = ""): string {
  refuseControl(value, "a systemd unit");
  if (/[$`]/.test(value)) refuse(value, "a systemd unit");
  const text = value.replaceAll("%", "%%");
  if (before === "WorkingDirectory=" && !text.endsWith("\\") && text === text.trim()) return text;
  if (/^[A-Za-z0-9_./:,=+*%~@-]+$/.test(text)) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Single quotes are literal for systemd's EnvironmentFile and for Compose's .env: `$` in a bcrypt hash survives. */
function escapeEnv(value: string): string {
  refuseControl(value, "an environment file");
  if (value.includes("'")) refuse(value, "an environment file");
  return `'${value}'`;
}

function refuseControl(value: string, where: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  if (value === "" || /[\u0000-\u001f\u007f]/.test(value)) refuse(value, where);
}

function refuseUnless(pattern: RegExp, value: string, where: string): string {
  if (!pattern.test(value)) refuse(value, where);
  return value;
}

function refuse(value: string, where: string): never {
  throw new RenderError(
    `${JSON.stringify(value)} cannot be written safely into ${where}. Use a value without spaces at the ends, quotes, braces, "$" and control characters.`,
  );
}
