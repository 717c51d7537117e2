import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect as connectTcp } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { startTestServer, type TestServer } from "../support/runtime-server.ts";
import { finishSession, openSession } from "../contract/proxy/cases.ts";
import {
  DIRECT,
  freePorts,
  FRONTS,
  servedAsDomain,
  startFront,
  startProxy,
  type Front,
  type RunningFront,
} from "../contract/proxy/front.ts";

/** Longer than the 60 s that nginx, cloud balancers and many others give an idle connection. */
const SILENCE_MS = 70_000;

const nginx = FRONTS.find(({ kind }) => kind === "nginx")!;
/** A foreign nginx with its own defaults: what people have in front of us, not what we render. */
const STOCK: Front = { ...nginx, kind: "none", name: "nginx with its 60 s defaults" };
const present = FRONTS.filter(({ missing }) => missing === undefined);
const missing = FRONTS.flatMap((front) => (front.missing === undefined ? [] : `, ${front.name}: ${front.missing}`));

describe(`a session in which nobody speaks for ${SILENCE_MS / 1000} s${missing.join("")}`, () => {
  let server: TestServer;
  let silent: { readonly port: number; close(): void };
  const toServer = new Map<string, RunningFront>();
  const toSilent = new Map<string, RunningFront>();

  beforeAll(async () => {
    server = await startTestServer({
      config: servedAsDomain({ server: { trustedProxies: ["127.0.0.1/32"] }, pool: { size: 8 } }),
    });
    silent = await startSilent();
    toServer.set(DIRECT.name, await startFront(DIRECT, server.port));
    for (const front of present) {
      toServer.set(front.name, await startFront(front, server.port));
      toSilent.set(front.name, await startFront(front, silent.port));
    }
    if (nginx.missing === undefined) {
      toServer.set(STOCK.name, await startStock(server.port));
      toSilent.set(STOCK.name, await startStock(silent.port));
    }
  });
  afterAll(async () => {
    await Promise.all([...toServer.values(), ...toSilent.values()].map((running) => running.stop()));
    silent?.close();
    await server?.close();
  });

  // One wait for all of them.
  it(
    "goes on behind every proxy: our timers are longer, and the server's pings keep foreign ones awake",
    { timeout: SILENCE_MS + 50_000 },
    async () => {
      const sessions = [...toServer].map(async ([name, running]) => {
        const client = await openSession(running);
        await client.nextOf("ready");
        await silence(client.closed);
        return [name, await finishSession(client)] as const;
      });
      // Not even pings: only the rendered timers decide.
      const mute = [...toSilent].map(async ([name, running]) => {
        const client = await openSession(running);
        const code = await silence(client.closed);
        client.socket.terminate();
        return [name, code ?? "open"] as const;
      });
      expect(Object.fromEntries(await Promise.all(sessions))).toEqual(
        Object.fromEntries([...toServer.keys()].map((name) => [name, 1000])),
      );
      expect(Object.fromEntries(await Promise.all(mute))).toEqual(
        // The control: without our timers and our pings the same silence ends in a cut without a code.
        Object.fromEntries([...toSilent.keys()].map((name) => [name, name === STOCK.name ? 1006 : "open"])),
      );
    },
  );
});

// ---

/** Resolves after the silence, or with the close code if that comes first. */
async function silence(closed: Promise<{ code: number }>): Promise<number | undefined> {
  return Promise.race([
    closed.then(({ code }) => code),
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), SILENCE_MS)),
  ]);
}

/** A server that accepts WebSockets and never says anything. */
async function startSilent(): Promise<{ readonly port: number; close(): void }> {
  const http = createServer((_request, response) => response.end());
  const sockets = new WebSocketServer({ server: http });
  // Caddy says goodbye with a frame that is not masked, which clients must not send.
  sockets.on("connection", (socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    port: (http.address() as AddressInfo).port, // a TCP server
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      http.close();
    },
  };
}

async function startStock(upstreamPort: number): Promise<RunningFront> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-stock-"));
  const [port] = await freePorts(1);
  const main = join(dir, "nginx.conf");
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`);
  writeFileSync(
    main,
    `pid ${dir}/nginx.pid; error_log ${dir}/error.log; events {}
http { access_log off; ${temp.join(" ")}
  server { listen 127.0.0.1:${port}; location / {
    proxy_pass http://127.0.0.1:${upstreamPort}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }
`,
  );
  const proxy = startProxy({ ...STOCK, kind: "nginx" }, main, dir);
  while (!(await accepts(port!))) await new Promise((resolve) => setTimeout(resolve, 25));
  const direct = await startFront(STOCK, port!);
  return {
    ...direct,
    stop: async () => {
      await proxy.leashed.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
