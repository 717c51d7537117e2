import { join } from "node:path";
import { expect } from "vitest";
import type { Stage } from "../docker.test.ts";
import { type Ended, type RunOptions, until } from "./run.ts";

/** A compose project in its folder, driven by the lines a person would type. */
export interface Project {
  /** The line must succeed; stdout. `cd` holds for the lines after it. */
  line(text: string, options?: RunOptions): Promise<string>;
  try(text: string, options?: RunOptions): Promise<Ended>;
  /** One field of the container of a service, by a Go template. */
  inspect(service: string, template: string): Promise<string>;
  /** stdout of a command inside a service. */
  inside(service: string, ...command: readonly string[]): Promise<string>;
  isHealthy(service: string): Promise<boolean>;
  /** Containers, networks and volumes. */
  remove(): Promise<void>;
}

/** Starts in `folder` of the checkout. */
export function openProject({ docker, checkout }: Stage, folder = "."): Project {
  let cwd = join(checkout, folder);
  const attempt = async (text: string, options: RunOptions = {}): Promise<Ended> => {
    const moved = /^cd (\S+)$/.exec(text)?.[1];
    if (moved !== undefined) cwd = join(cwd, moved);
    return docker.shell(text.startsWith("cd ") ? "true" : text, { cwd, ...options });
  };
  const line = async (text: string, options: RunOptions = {}): Promise<string> => {
    const ended = await attempt(text, options);
    expect(ended.code, `${text}\n${ended.output}`).toBe(0);
    return ended.stdout.trim();
  };
  const container = async (service: string): Promise<string> => {
    const id = await line(`docker compose ps --all --quiet ${service}`);
    expect(id, `container of ${service}`).toMatch(/^[\da-f]+$/);
    return id;
  };
  const inspect = async (service: string, template: string): Promise<string> =>
    docker.docker("inspect", "--format", template, await container(service));
  return {
    line,
    try: attempt,
    inspect,
    inside: async (service, ...command) => docker.docker("exec", await container(service), ...command),
    isHealthy: async (service) => (await inspect(service, "{{.State.Health.Status}}")) === "healthy",
    remove: async () => {
      await attempt("docker compose down --volumes --timeout 5 --remove-orphans");
    },
  };
}

/** Caddy's own CA, as an operator gives it to the clients of an internal service. */
export function caddyRoot(project: Project): Promise<string> {
  return until("Caddy's CA", async () => {
    const ended = await project.try("docker compose exec -T proxy cat /data/caddy/pki/authorities/local/root.crt");
    return ended.code === 0 && ended.stdout.includes("BEGIN CERTIFICATE") ? ended.stdout : undefined;
  });
}
