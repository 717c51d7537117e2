import { execFile } from "node:child_process";
import type { ProxyBuild } from "../../render/managed.ts";

export type ProxyKind = "caddy" | "nginx";

/** Where a managed proxy lives. Absolute paths. */
export interface ProxyPlace {
  readonly kind: ProxyKind;
  readonly binary: string;
  /** The file the proxy is started with. */
  readonly mainFile: string;
  readonly configDir: string;
  /** Certificates and accounts of Caddy: `XDG_DATA_HOME`. */
  readonly dataDir: string;
}

/** What the binary says about itself. Throws when it cannot be run at all. */
export async function readProxyBuild(place: ProxyPlace, env: NodeJS.ProcessEnv): Promise<ProxyBuild> {
  if (place.kind === "caddy") {
    const { output } = await runProxy(place, ["version"], env);
    // Builds from source say `unknown`.
    return { version: /^v?(\d+\.\d+\.\d+)/m.exec(output)?.[1], openssl: undefined };
  }
  const { output } = await runProxy(place, ["-V"], env);
  return {
    version: /nginx\/(\d+\.\d+\.\d+)/.exec(output)?.[1],
    openssl: /running with OpenSSL (\d+\.\d+)/.exec(output)?.[1] ?? /built with OpenSSL (\d+\.\d+)/.exec(output)?.[1],
  };
}

/** Lets the proxy judge its files. Undefined when it accepts them, else its words. */
export async function checkProxyFiles(place: ProxyPlace, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const args =
    place.kind === "caddy"
      ? ["validate", "--config", place.mainFile, "--adapter", "caddyfile"]
      : ["-t", "-q", "-e", "stderr", "-c", place.mainFile];
  const { code, output } = await runProxy(place, args, env);
  if (code === 0) return undefined;
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("{"));
  return lines.slice(-3).join(" ").slice(0, 1000) || `exit code ${code}`;
}

/** Makes a running Caddy take its file over; it answers after the change. Undefined when it did, else its words. */
export async function reloadCaddy(place: ProxyPlace, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, output } = await runProxy(
    place,
    ["reload", "--config", place.mainFile, "--adapter", "caddyfile", "--force"],
    env,
  );
  if (code === 0) return undefined;
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("{"));
  return lines.slice(-1).join("").slice(0, 500) || `exit code ${code}`;
}

/** The environment of a managed proxy: its data in our folder, never in somebody's home. */
export function proxyEnv(place: Pick<ProxyPlace, "dataDir">, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, HOME: place.dataDir, XDG_DATA_HOME: place.dataDir, XDG_CONFIG_HOME: place.dataDir };
}

// ---

const RUN_TIMEOUT_MS = 20_000;

function runProxy(
  place: ProxyPlace,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      place.binary,
      [...args],
      { env: proxyEnv(place, env), timeout: RUN_TIMEOUT_MS, killSignal: "SIGKILL", encoding: "utf8" },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`;
        if (error === null) resolve({ code: 0, output });
        else if (typeof error.code === "number") resolve({ code: error.code, output });
        else if (error.killed === true) resolve({ code: 124, output: `${output}\nno end within ${RUN_TIMEOUT_MS} ms` });
        else reject(error);
      },
    );
  });
}
