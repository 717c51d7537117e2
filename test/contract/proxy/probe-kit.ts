import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS, runLive } from "../../../src/checks/live/run.ts";
import type { LiveLimits } from "../../../src/checks/live/context.ts";
import { createAssumptions } from "../../../src/audit/model/assume.ts";
import type { Judged } from "../../../src/audit/observe/verdict.ts";
import type { OutsideTarget } from "../../../src/shared/outside/client.ts";
import { DOMAIN, PASSWORD, type Front, type RunningFront } from "./front.ts";

/** The configuration of the server behind the probed proxies, as `--assume` says it. */
export const ASSUMED: Readonly<Record<string, string>> = {
  "rateLimit.perMinute": "1",
  "rateLimit.burst": "12",
  "session.idleTimeout": "2s",
  "deploy.auth.kind": "basic",
  "deploy.tls.hsts": "on",
};

/** As many requests as a user's run has: with more routes to ask, the last probe must still be asked with them. */
export const LIMITS: LiveLimits = { ...DEFAULT_LIMITS, slowBodyMs: 20_000, slowHeadersMs: 25_000 };

/** The running front as `gigastt audit --live` reaches it, as a user who may come in. */
export function targetOf(running: RunningFront, more: Partial<OutsideTarget> = {}): OutsideTarget {
  return {
    url: new URL(`https://${DOMAIN}:${running.httpsPort}`),
    httpPort: running.httpPort,
    connectTo: "127.0.0.1",
    ca: running.ca,
    clientCertificate: undefined,
    authorization: `Basic ${Buffer.from(`anna:${PASSWORD}`).toString("base64")}`,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    ...more,
  };
}

export async function probeFront(
  running: RunningFront,
  options: { limits?: Partial<LiveLimits>; target?: Partial<OutsideTarget>; assume?: Record<string, string> } = {},
): Promise<readonly Judged[]> {
  return runLive({
    target: targetOf(running, options.target),
    limits: { ...LIMITS, ...options.limits },
    assume: createAssumptions({ given: { ...ASSUMED, ...options.assume } }),
    open: false,
    progress: () => {},
  });
}

/** `GA-LIV-001 found: message` lines of what is not ok. */
export function notOk(judged: readonly Judged[]): string[] {
  return judged.flatMap(({ rule, verdict }) =>
    verdict.result === "ok"
      ? []
      : [
          `${rule.id} ${verdict.result}: ${verdict.result === "found" ? verdict.problems.map(({ message }) => message).join("; ") : verdict.reason}`,
        ],
  );
}

/** Replaces in the proxy's files, and applies it. */
export async function breakFront(
  front: Front,
  running: RunningFront,
  changes: readonly (readonly [RegExp, string])[],
): Promise<void> {
  changeFiles(front, running, changes);
  await running.reload();
}

/** Replaces in the proxy's files. Throws when nothing changed. */
export function changeFiles(
  front: Front,
  running: RunningFront,
  changes: readonly (readonly [RegExp, string])[],
): void {
  const files = front.kind === "caddy" ? ["caddy/Caddyfile"] : ["nginx/gigastt.conf", "nginx/gigastt-proxy.inc"];
  for (const [pattern, replacement] of changes) {
    let done = false;
    for (const name of files) {
      const path = join(running.dir, name);
      const text = readFileSync(path, "utf8");
      const broken = text.replace(pattern, replacement);
      if (broken === text) continue;
      writeFileSync(path, broken);
      done = true;
    }
    if (!done) throw new Error(`${String(pattern)} is in none of ${files.join(", ")}`);
  }
}
