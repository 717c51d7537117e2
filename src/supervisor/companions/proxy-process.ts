import http from "node:http";
import type { TLSSocket } from "node:tls";
import { COMPANION_START_MS, PROXY_STOP_MS } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { messageOf } from "../../shared/errors.ts";
import { caddyLine, nginxLine } from "./foreign-lines.ts";
import { guardChild } from "../process/orphan-guard.ts";
import type { Guard } from "../process/orphan-guard.ts";
import type { Instance, ProcessDefinition } from "../process/instance.ts";
import type { ProbeAnswer } from "../process/probe.ts";
import { proxyEnv } from "./proxy-build.ts";
import type { ProxyPlace } from "./proxy-build.ts";
import { setTimeout } from "../../shared/time/timers.ts";

export interface ProxyProcess {
  readonly definition: ProcessDefinition;
  /** When the certificate that the proxy serves ends, Unix milliseconds; undefined = none seen. */
  certificateEndMs(): number | undefined;
  /** Its last lines and, as a start that failed says why and is then tried again, those of the one before. */
  lastLines(count: number): readonly string[];
  /** The process behind the proxy changed: should we be killed, the proxy outlives it. */
  runtimeIs(pid: number | undefined): void;
}

export interface ProxyProcessOptions {
  readonly place: () => ProxyPlace;
  readonly config: () => ResolvedConfig;
  readonly env: NodeJS.ProcessEnv;
  /** The service behind the proxy answers: then /health has to come through. */
  readonly runtimeReady: () => boolean;
  readonly runtimePid: () => number | undefined;
}

/** Caddy or nginx as a managed process. */
export function createProxyProcess(options: ProxyProcessOptions): ProxyProcess {
  let certificateEndMs: number | undefined;
  const guards = new Map<Instance, Guard>();
  let lastTwo: readonly Instance[] = [];

  const probe = async (): Promise<FrontAnswer> => {
    const answer = await askFront(options.config(), options.config().supervisor.healthTimeoutMs);
    if (answer.certificateEndMs !== undefined) certificateEndMs = answer.certificateEndMs;
    return answer;
  };

  const definition: ProcessDefinition = {
    name: "proxy",
    plan: () => {
      const place = options.place();
      return {
        file: place.binary,
        args:
          place.kind === "caddy"
            ? ["run", "--config", place.mainFile, "--adapter", "caddyfile"]
            : ["-e", "stderr", "-c", place.mainFile, "-g", "daemon off;"],
        env: proxyEnv(place, options.env),
        cwd: "/",
        ipc: false,
      };
    },
    timing: () => {
      const { supervisor, shutdown } = options.config();
      return {
        startMs: COMPANION_START_MS,
        healthIntervalMs: supervisor.healthIntervalMs,
        healthTimeoutMs: supervisor.healthTimeoutMs,
        // nginx stops in step with the runtime, Caddy after it.
        stopMs: options.place().kind === "nginx" ? shutdown.drainMs + 2 * PROXY_STOP_MS : PROXY_STOP_MS,
      };
    },
    started: (instance) => {
      lastTwo = [...lastTwo.slice(-1), instance];
      const guard = guardChild(instance.child.pid, {
        early: options.place().kind === "nginx" ? "SIGQUIT" : undefined,
        patienceMs: options.config().shutdown.drainMs + PROXY_STOP_MS,
      });
      guard.outlive(options.runtimePid());
      guards.set(instance, guard);
      void instance.ended.then(() => {
        guard.release();
        guards.delete(instance);
      });
    },
    logLine: (line) => (options.place().kind === "caddy" ? caddyLine(line) : nginxLine(line, Date.now())),
    gate: async () => {
      const answer = await probe();
      return { ...answer, ok: answer.alive && (answer.through || !options.runtimeReady()) };
    },
    health: async () => {
      const answer = await probe();
      // What is behind it is the runtime's own matter: a 502 is a proxy that works.
      return { ...answer, ok: answer.alive };
    },
    requestStop: (instance) => instance.child.signal(options.place().kind === "nginx" ? "SIGQUIT" : "SIGTERM"),
  };
  return {
    definition,
    certificateEndMs: () => certificateEndMs,
    lastLines: (count) => lastTwo.flatMap((instance) => instance.lastLines(count)),
    runtimeIs: (pid) => {
      for (const guard of guards.values()) guard.outlive(pid);
    },
  };
}

// ---

interface FrontAnswer extends ProbeAnswer {
  /** The proxy itself spoke: HTTP with any status, or TLS where it has its reasons to refuse us. */
  readonly alive: boolean;
  /** The answer came from the service behind it, or the proxy rightly kept us from it. */
  readonly through: boolean;
  readonly certificateEndMs: number | undefined;
}

/** Asks /health as a client on this machine would. */
async function askFront(config: ResolvedConfig, timeoutMs: number): Promise<FrontAnswer> {
  const { deploy } = config;
  if (deploy.tls.mode === "none") return ask(config, "http", deploy.httpPort, timeoutMs);
  const answer = await ask(config, "https", deploy.httpsPort, timeoutMs);
  if (answer.alive || !answer.refusedTls) return answer;
  if (!needsCertificate(deploy) && deploy.tls.mode !== "acme") return answer;
  // Without a client certificate, or before the first ACME certificate is there, only the redirect can be seen.
  const plain = await ask(config, "http", deploy.httpPort, timeoutMs);
  return { ...plain, through: plain.alive, text: `${answer.text}; ${plain.text}` };
}

function needsCertificate({ auth, publicPaths }: ResolvedConfig["deploy"]): boolean {
  return auth.kind === "mtls" && publicPaths.length === 0;
}

async function ask(
  { deploy }: ResolvedConfig,
  scheme: "http" | "https",
  port: number,
  timeoutMs: number,
): Promise<FrontAnswer & { readonly refusedTls: boolean }> {
  const started = performance.now();
  const name = deploy.domain ?? "127.0.0.1";
  const url = `${scheme}://${name}:${port}/health`;
  let certificateEndMs: number | undefined;
  // TLS costs some megabytes: only where it is needed.
  const client = scheme === "https" ? await import("node:https") : http;
  return new Promise((resolve) => {
    const finish = (status: number | undefined, detail: string, refusedTls: boolean): void => {
      clearTimeout(timer);
      // nginx says 400 to a client without the certificate it wants.
      const refusals = needsCertificate(deploy) ? [400, 401, 403] : [401, 403];
      const barred = status !== undefined && !deploy.publicPaths.includes("/health") && refusals.includes(status);
      resolve({
        ok: status === 200,
        alive: status !== undefined,
        through: status === 200 || barred,
        refusedTls,
        certificateEndMs,
        text: `GET ${url} → ${detail}`,
        tookMs: Math.round(performance.now() - started),
        body: undefined,
      });
    };
    const request = client.request(
      {
        host: "127.0.0.1",
        port,
        path: "/health",
        agent: false,
        headers: { host: port === 80 || port === 443 ? name : `${name}:${port}`, connection: "close" },
        // Whether clients trust the certificate is for `gigastt verify`; here counts that the proxy serves one.
        ...(scheme === "https" ? { servername: deploy.domain ?? "", rejectUnauthorized: false } : {}),
      },
      (response) => {
        response.resume();
        response.on("error", (error) => finish(undefined, messageOf(error), false));
        response.on("end", () => finish(response.statusCode, String(response.statusCode), false));
      },
    );
    const timer = setTimeout(() => {
      // As in probeHttp: an answer may already wait behind a late timer.
      setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), 50);
    }, timeoutMs);
    request.on("socket", (socket) => {
      socket.once("secureConnect", () => {
        // Only an HTTPS request has this event.
        certificateEndMs = Date.parse((socket as TLSSocket).getPeerCertificate().valid_to) || undefined;
      });
    });
    request.on("error", (error) => {
      finish(undefined, messageOf(error), "code" in error && /^(?:ERR_SSL|EPROTO|ECONNRESET)/.test(String(error.code)));
    });
    request.end();
  });
}
