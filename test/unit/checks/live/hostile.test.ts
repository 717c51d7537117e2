import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { probes } from "../../../../src/checks/live/registry.ts";
import { runLive } from "../../../../src/checks/live/run.ts";
import { createAssumptions } from "../../../../src/audit/model/assume.ts";
import type { Judged } from "../../../../src/audit/observe/verdict.ts";

const servers: Server[] = [];
const sockets = new Set<Socket>();
const seen = { connections: 0 };
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

const READY = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/** What a server that means no good does with a connection. */
const HOSTILE: readonly (readonly [name: string, onSocket: (socket: Socket) => void])[] = [
  ["never answers", () => {}],
  ["sends garbage", (socket) => socket.end(Buffer.from([0, 255, 13, 10, 1, 2, 3, 200, 13, 10, 13, 10]))],
  [
    "answers once and then never again",
    (socket) => {
      const first = seen.connections === 1;
      if (first) socket.once("data", () => socket.end(`${READY}Content-Length: 15\r\n\r\n{"status":"ok"}`));
    },
  ],
  ["closes at once", (socket) => socket.destroy()],
  ["resets", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  [
    "sends a body without end",
    (socket) => flood(socket, `${READY}Transfer-Encoding: chunked\r\n\r\n`, () => `10000\r\n${"x".repeat(65_536)}\r\n`),
  ],
  ["sends headers without end", (socket) => flood(socket, "HTTP/1.1 200 OK\r\n", () => `X-${"a".repeat(1000)}: b\r\n`)],
  [
    "answers a byte a second",
    (socket) => {
      const text = `${READY}Content-Length: 100000\r\n\r\n`;
      let at = 0;
      const pulse = setInterval(() => socket.write(text[at++] ?? "x"), 100);
      socket.once("close", () => clearInterval(pulse));
    },
  ],
  [
    "says a length and sends less",
    (socket) => socket.once("data", () => socket.end(`${READY}Content-Length: 1000\r\n\r\n{}`)),
  ],
  ["upgrades everything and sends frames without end", (socket) => upgradeAll(socket)],
  [
    "answers with escape codes",
    (socket) =>
      socket.once("data", () =>
        socket.end(
          `HTTP/1.1 302 Found\r\nLocation: http://other.invalid/\x1b[2J\r\nContent-Length: 9\r\n\r\n\x1b[31mgone`,
        ),
      ),
  ],
];

describe("live probes against a server that means no good", () => {
  it.each(HOSTILE)(
    "end in time, in bounds and without a crash when it %s",
    { timeout: 60_000 },
    async (_name, onSocket) => {
      const port = await listen(onSocket);
      const startedMs = performance.now();
      const judged = await probe(port, { timeMs: 12_000 });
      expect(performance.now() - startedMs).toBeLessThan(25_000);
      expect(judged.map(({ rule }) => rule.id)).toEqual(probes.map(({ id }) => id).sort());
      expect(seen.connections).toBeLessThanOrEqual(100);
      expect(judged.flatMap(wordsOf).join("\n")).not.toContain("\u001b");
      // Nothing that a hostile server says makes these two look well.
      for (const { rule, verdict } of judged)
        if (["GA-LIV-001", "GA-LIV-017"].includes(rule.id)) expect(verdict.result).not.toBe("ok");
    },
  );

  it("follows no redirect: another host is never asked", { timeout: 60_000 }, async () => {
    let asked = 0;
    const other = createHttpServer((_request, response) => {
      asked += 1;
      response.end("{}");
    });
    servers.push(other);
    const otherPort = await portOf(other);
    const port = await listen((socket) =>
      socket.once("data", () =>
        socket.end(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${otherPort}/health\r\nContent-Length: 0\r\n\r\n`),
      ),
    );
    await probe(port, { timeMs: 10_000 });
    expect(seen.connections).toBeGreaterThan(5);
    expect(asked).toBe(0);
  });

  it("says of every probe that it was not checked when nothing listens, or the name is unknown", async () => {
    const port = await listen(() => {});
    await new Promise((resolve) => servers.pop()!.close(resolve));
    for (const judged of [await probe(port), await probe(port, {}, "http://gigastt-audit.invalid")])
      for (const { verdict } of judged)
        expect(verdict).toEqual({
          result: "not-checked",
          reason: expect.stringMatching(/nothing listens there|not in DNS|DNS server does not answer/),
        });
  });

  it("stops at the number of requests it was given, and says so", { timeout: 30_000 }, async () => {
    const port = await listen((socket) => socket.once("data", () => socket.end(`${READY}Content-Length: 2\r\n\r\n{}`)));
    const judged = await probe(port, { requests: 5, timeMs: 5000 });
    expect(seen.connections).toBeLessThanOrEqual(5);
    expect(
      judged.some(
        ({ verdict }) =>
          verdict.result === "not-checked" && verdict.reason.includes("the 5 requests of this run are used up"),
      ),
    ).toBe(true);
  });
});

// ---

function wordsOf({ verdict }: Judged): readonly string[] {
  if (verdict.result === "ok") return [verdict.detail];
  if (verdict.result === "not-checked") return [verdict.reason];
  return verdict.problems.flatMap(({ message, evidence, place, fix }) => [message, evidence, place, fix]);
}

async function probe(
  port: number,
  limits: { requests?: number; timeMs?: number } = {},
  url = `http://127.0.0.1:${port}`,
): Promise<readonly Judged[]> {
  seen.connections = 0;
  return runLive({
    target: {
      url: new URL(url),
      httpPort: port,
      connectTo: undefined,
      ca: undefined,
      clientCertificate: undefined,
      authorization: undefined,
      timeoutMs: 1000,
      signal: new AbortController().signal,
    },
    limits: { requests: 100, timeMs: 10_000, slowBodyMs: 2000, slowHeadersMs: 2000, ...limits },
    assume: createAssumptions({
      given: { "session.idleTimeout": "1s", "rateLimit.perMinute": "60", "rateLimit.burst": "3" },
    }),
    open: false,
    progress: () => {},
  });
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    seen.connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  servers.push(server);
  return portOf(server);
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port; // a TCP server
}

function flood(socket: Socket, head: string, piece: () => string): void {
  socket.once("data", () => {
    socket.write(head);
    const more = (): void => {
      if (!socket.destroyed) socket.write(piece(), () => setImmediate(more));
    };
    more();
  });
}

/** A handshake that the client accepts, then an endless run of text frames. */
function upgradeAll(socket: Socket): void {
  socket.once("data", (chunk: Buffer) => {
    const text = chunk.toString("latin1");
    if (!/^upgrade:/im.test(text)) {
      socket.end(`${READY}Content-Length: 15\r\n\r\n{"status":"ok"}`);
      return;
    }
    void import("node:crypto").then(({ createHash }) => {
      const key = /^sec-websocket-key: *(\S+)/im.exec(text)?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      const frame = Buffer.from([0x81, 2, 0x7b, 0x7d]);
      const more = (): void => {
        if (!socket.destroyed) socket.write(frame, () => setImmediate(more));
      };
      more();
    });
  });
}
