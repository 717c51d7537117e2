import http from "node:http";
import https from "node:https";
import { messageOf } from "../../shared/errors.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** What a health question was answered with. */
export interface ProbeAnswer {
  readonly ok: boolean;
  /** One line for people: `GET /ready → 503 {"status":"not_ready",…}` or `GET /ready → connect ECONNREFUSED`. */
  readonly text: string;
  readonly tookMs: number;
  readonly body: unknown;
}

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** The certificate is our own: it is not checked. */
  readonly tls?: boolean;
}

const MAX_BODY_BYTES = 64 * 1024;

/**
 * Asks one path over a connection of its own. Never throws: a failure is an answer too.
 * Plain `node:http`, because the global fetch costs the supervisor tens of megabytes.
 */
export function probeHttp(target: ProbeTarget, path: string, timeoutMs: number): Promise<ProbeAnswer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const finish = (ok: boolean, detail: string, body?: unknown): void => {
      clearTimeout(timer);
      resolve({ ok, text: `GET ${path} → ${detail}`, tookMs: Math.round(performance.now() - started), body });
    };
    const request = (target.tls === true ? https : http).request(
      {
        host: connectableHost(target.host),
        port: target.port,
        path,
        agent: false,
        headers: { connection: "close" },
        rejectUnauthorized: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= MAX_BODY_BYTES) chunks.push(chunk);
        });
        response.on("error", (error) => finish(false, messageOf(error)));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const status = response.statusCode ?? 0;
          finish(status === 200, `${status} ${text.slice(0, 300)}`.trim(), parseJson(text));
        });
      },
    );
    const timer = setTimeout(() => {
      // After a suspend or a SIGSTOP this timer fires before the answer that already waits in the socket is read:
      // give the event loop one look at the network before the verdict.
      setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), 50);
    }, timeoutMs);
    request.on("error", (error) => finish(false, messageOf(error)));
    request.end();
  });
}

/** Where a client on this machine reaches a bound address. */
export function connectableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "::1";
  return host;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
