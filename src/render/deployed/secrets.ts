import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../../shared/errors.ts";
import type { DeployedProblem, Deployment } from "./problem.ts";
import { obstacleFor, readerOf } from "./reader.ts";

/** Returns the folder of the secrets of a deployment, where the commands write them. */
export function secretsFolderOf({ config, deployDir }: Pick<Deployment, "config" | "deployDir">): string {
  return config.deploy.target === "compose" ? join(deployDir, "compose", "secrets") : config.deploy.secretsDir;
}

/** Returns the file in which the proxy looks up users or keys; undefined where it looks up none. */
export function accessFileOf({ config, deployDir }: Pick<Deployment, "config" | "deployDir">): string | undefined {
  const { auth, proxy, target } = config.deploy;
  if (proxy.kind === "none" || target === "kubernetes" || (auth.kind !== "basic" && auth.kind !== "keys"))
    return undefined;
  const name =
    auth.kind === "basic"
      ? { nginx: "users.htpasswd", caddy: "users.caddy", haproxy: "users.haproxy", traefik: "users.htpasswd" }
      : { nginx: "keys.map", caddy: "keys.caddy", haproxy: "keys.haproxy", traefik: "" };
  const file = name[proxy.kind];
  return file === "" ? undefined : join(secretsFolderOf({ config, deployDir }), file);
}

/** Finds what keeps users out: no file of users or keys, none in it, one that lost some, or one that the proxy may not read. */
export async function secretsProblems(deployment: Deployment): Promise<readonly DeployedProblem[]> {
  const file = accessFileOf(deployment);
  if (file === undefined) return [];
  const { config } = deployment;
  const what = config.deploy.auth.kind === "keys" ? "key" : "user";
  const folder = secretsFolderOf(deployment);
  const problem = (
    message: string,
    cure: string,
    severity: "error" | "warning" = "error",
  ): readonly DeployedProblem[] => [{ id: "secrets_broken", severity, place: file, message, cure }];
  if ((await codeOf(folder)) === "ENOENT")
    return problem(
      `${folder} does not exist: there is no ${what}, and every request is refused`,
      `gigastt secrets create ${what} NAME`,
      "warning",
    );
  const reader = await readerOf(config);
  const obstacle = reader === undefined ? undefined : await obstacleFor(reader, file);
  if (reader !== undefined && obstacle !== undefined)
    return problem(
      `${reader.name}, the proxy's user, cannot read ${obstacle}: every request is refused`,
      `chown -R ${reader.name}: ${folder}`,
    );
  const wanted = await namesInStore(join(folder, "secrets.json"), what);
  const again = `gigastt secrets rotate ${what} ${wanted?.[0] ?? "NAME"} writes it again, or restore it from a backup`;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "EACCES" || code === "EPERM") return [];
    return problem(
      code === "ENOENT"
        ? `${file} does not exist: the proxy cannot check any ${what}`
        : `${file} cannot be read (${code})`,
      wanted === undefined || wanted.length === 0 ? `gigastt secrets create ${what} NAME` : again,
    );
  }
  const lost = (wanted ?? []).filter((name) => !holds(text, name));
  if (lost.length > 0) return problem(`${file} lacks the ${what} ${lost.join(", ")}: the proxy refuses it`, again);
  if (text.trim() === "")
    return problem(
      `${file} holds no ${what}: every request is refused`,
      `gigastt secrets create ${what} NAME`,
      "warning",
    );
  return [];
}

// ---

/** `NAME:hash`, `NAME hash`, `user NAME password hash`, `"Bearer …" NAME`, `"Bearer …" NAME;`, and `# NAME` above a key of HAProxy. */
function holds(text: string, name: string): boolean {
  return text
    .split("\n")
    .some(
      (line) =>
        line.startsWith(`${name}:`) ||
        line.startsWith(`${name} `) ||
        line.startsWith(`user ${name} `) ||
        line.replace(/;$/, "").endsWith(` ${name}`),
    );
}

async function namesInStore(path: string, what: "user" | "key"): Promise<readonly string[] | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    const list: unknown = typeof value === "object" && value !== null ? Reflect.get(value, `${what}s`) : undefined;
    return Array.isArray(list) ? list.flatMap((item: unknown) => nameIn(item)) : undefined;
  } catch {
    return undefined;
  }
}

function nameIn(item: unknown): readonly string[] {
  const name: unknown = typeof item === "object" && item !== null ? Reflect.get(item, "name") : undefined;
  return typeof name === "string" ? [name] : [];
}

async function codeOf(path: string): Promise<string | undefined> {
  return stat(path).then(() => undefined, errorCodeOf);
}
