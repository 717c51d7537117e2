import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../../src/shared/tls/pki.ts";
import { depth, SEED } from "../../../support/fuzz.ts";
import { freePorts, FRONTS, startProxy, type ProxyFront } from "../front.ts";
import { fill, HASH, rulesIn, suits, type Proof, type Run } from "./proof.ts";
import { startUpstream } from "./upstream.ts";
import { ask, HOST, passes } from "./wire.ts";

/** Defines a test for each proof: on every version of its program in `.ci/long`, else on one that the seed chooses. */
export function describeProofs(proofs: readonly Proof[]): void {
  describe.concurrent("what the audit claims shows in traffic", () => {
    for (const [i, proof] of proofs.entries()) {
      const fit = FRONTS.filter(({ kind, version }) => kind === proof.program && suits(proof, version));
      const installed = fit.filter(({ missing }) => missing === undefined);
      const chosen = depth === "full" || installed.length === 0 ? fit : [installed[(SEED + i) % installed.length]!];
      for (const front of chosen) {
        const reason = front.missing === undefined ? "" : ` (skipped: ${front.missing})`;
        it.skipIf(front.missing !== undefined)(`${proof.rule}: ${proof.claims}, ${front.name}${reason}`, () =>
          prove(front, proof),
        );
      }
    }
  });
}

// ---

async function prove(front: ProxyFront, proof: Proof): Promise<void> {
  expect(rulesIn(proof, proof.bad, front.version), "the bad file").toContain(proof.rule);
  expect(rulesIn(proof, proof.good, front.version), "the good file").not.toContain(proof.rule);
  for (const [text, expected] of [
    [proof.bad, true],
    [proof.good, false],
  ] as const) {
    const run = await start(front, proof, text);
    try {
      expect(await proof.fails(run), `${text}\n${run.log()}`).toBe(expected);
    } finally {
      await run.stop();
    }
  }
}

async function start(front: ProxyFront, proof: Proof, text: string): Promise<Run & { stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-proof-"));
  chmodSync(dir, 0o755); // nginx's workers are another user
  const now = new Date();
  const { certificate, privateKey } = await createServerCertificate(await createCa("CA", now), [HOST], now);
  const upstream = await startUpstream();
  const [port = 0, closedPort = 0, adminPort = 0] = await freePorts(3);
  const [main = "", dynamic = ""] = fill(text, front.version, {
    LISTEN: String(port),
    UPSTREAM: String(upstream.port),
    CLOSED: String(closedPort),
    ADMIN: String(adminPort),
    DIR: dir,
  }).split("---\n");
  const file = join(dir, front.kind === "traefik" ? "main.yml" : "main.conf");
  for (const [name, content] of [
    [file, main],
    [join(dir, "dynamic.yml"), dynamic],
    [join(dir, "server.pem"), certificate],
    [join(dir, "server.key"), privateKey],
    [join(dir, "htpasswd"), `anna:${HASH}\n`],
    [join(dir, "page.html"), "page"],
    [join(dir, "users.haproxy"), ""],
  ] as const)
    writeFileSync(name, content);
  const proxy = startProxy(front, file, dir);
  const stop = async (): Promise<void> => {
    await proxy.leashed.kill();
    await upstream.close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    if (!proof.hasOwnAdmin && front.kind !== "traefik") await proxy.ready(port);
    else await listens(port, proxy);
  } catch (error) {
    await stop();
    throw error;
  }
  return { front, port, closedPort, adminPort, upstream, log: proxy.log, reload: proxy.reload, quit: proxy.quit, stop };
}

async function listens(port: number, proxy: ReturnType<typeof startProxy>): Promise<void> {
  const endsAtMs = performance.now() + 30_000;
  // Traefik answers 404 until it has read its second file.
  while ([0, 404].includes((await ask(port, "/health")).status)) {
    if (proxy.leashed.child.exitCode !== null || performance.now() > endsAtMs)
      throw new Error(`it does not listen:\n${proxy.log()}`);
    await passes(25);
  }
}
