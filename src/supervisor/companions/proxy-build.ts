import type { ProxyBuild } from "../../render/proxy/managed.ts";
import { GigasttError } from "../../shared/errors.ts";
import { runProgram } from "../../shared/process/program.ts";

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

/** Asks the proxy to check its files. Returns undefined when it accepts them, else its message. */
export async function checkProxyFiles(place: ProxyPlace, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const args =
    place.kind === "caddy"
      ? ["validate", "--config", place.mainFile, "--adapter", "caddyfile"]
      : ["-t", "-q", "-e", "stderr", "-c", place.mainFile];
  const { trouble, output } = await runProxy(place, args, env);
  return trouble === undefined ? undefined : (lastWords(output.split("\n"), 3) ?? trouble);
}

/** The environment of a managed proxy: its data in our folder, never in a home folder. */
export function proxyEnv(place: Pick<ProxyPlace, "dataDir">, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, HOME: place.dataDir, XDG_DATA_HOME: place.dataDir, XDG_CONFIG_HOME: place.dataDir };
}

// ---

const RUN_TIMEOUT_MS = 20_000;

/** Throws when the program cannot be started at all. */
async function runProxy(
  { kind, binary, dataDir }: ProxyPlace,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly trouble: string | undefined; readonly output: string }> {
  const end = await runProgram(binary, args, { env: proxyEnv({ dataDir }, env), timeoutMs: RUN_TIMEOUT_MS });
  if (end.isMissing) throw new GigasttError("GST_PROGRAM", `${kind} cannot be run: ${end.trouble}`);
  return { trouble: end.trouble, output: `${end.stdout}${end.stderr}` };
}

/** The last lines of the program, without Caddy's JSON log. */
export function lastWords(lines: readonly string[], count: number): string | undefined {
  const said = lines.filter((line) => line.trim() !== "" && !line.startsWith("{"));
  return said.slice(-count).join(" ").slice(0, 1000) || undefined;
}
