import { runChild } from "../process/run-child.ts";
import { lastWords, proxyEnv } from "./proxy-build.ts";
import type { ProxyPlace } from "./proxy-build.ts";

/** Makes a running Caddy load its file, and waits until it has. Returns undefined, or Caddy's message when it refused. */
export async function reloadCaddy(place: ProxyPlace, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { trouble, lines } = await runChild(
    {
      file: place.binary,
      args: ["reload", "--config", place.mainFile, "--adapter", "caddyfile", "--force"],
      env: proxyEnv(place, env),
      cwd: "/",
      ipc: false,
    },
    { timeoutMs: RELOAD_TIMEOUT_MS },
  );
  return trouble === undefined ? undefined : (lastWords(lines, 1) ?? trouble);
}

const RELOAD_TIMEOUT_MS = 20_000;
