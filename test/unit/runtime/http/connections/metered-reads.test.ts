import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  createReadTurns,
  meterReads,
  readThroughStream,
} from "../../../../../src/runtime/http/connections/metered-reads.ts";
import { createWaitingTurns } from "../../../../../src/runtime/http/connections/client-share.ts";
import { createAllowance } from "../../../../../src/shared/time/allowance.ts";
import { systemClock } from "../../../../../src/shared/time/clock.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A server that answers each request with the number of its body's bytes, after it read through metered connections. */
async function serve(perS: number, onData: (bytes: number) => void): Promise<Socket> {
  const turns = createReadTurns();
  const server = createServer((req, res) => {
    let bytes = 0;
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      onData(chunk.length);
    });
    req.once("end", () => res.end(`<${bytes}>`));
  });
  servers.push(server);
  const [listen] = server.listeners("connection");
  server.removeAllListeners("connection").on("connection", (socket: Socket) => {
    meterReads(socket, turns, { readTime: createAllowance(systemClock, perS, perS), waiting: createWaitingTurns() });
    listen!.call(server, socket);
    readThroughStream(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.setEncoding("utf8");
  return client;
}

const post = (headers: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`;

async function answersOf(client: Socket): Promise<string[]> {
  let text = "";
  for await (const part of client) text += String(part);
  return text.match(/<\d+>/g) ?? [];
}

describe("metered reads", () => {
  // With no allowance at all everything goes through the turns that rest.
  for (const perS of [1e9, 0.001]) {
    it(`lose and reorder nothing (allowance ${perS} ms)`, async () => {
      const client = await serve(perS, () => {});
      client.write(`${post("Content-Length: 300000")}${"x".repeat(300_000)}`);
      client.write(`${post("Transfer-Encoding: chunked")}${"1\r\nR\r\n".repeat(5000)}0\r\n\r\n`);
      client.write(post("Content-Length: 0").repeat(50));
      client.end(`${post("Content-Length: 3\r\nConnection: close")}abc`);
      expect(await answersOf(client)).toEqual([
        "<300000>",
        "<5000>",
        ...Array.from({ length: 50 }, () => "<0>"),
        "<3>",
      ]);
    });
  }

  it("let the event loop run between small portions of chunks of one byte", async () => {
    let inOneGo = 0;
    let most = 0;
    const client = await serve(0.001, () => {
      if (inOneGo++ === 0) setImmediate(() => (inOneGo = 0));
      most = Math.max(most, inOneGo);
    });
    client.write(`${post("Transfer-Encoding: chunked\r\nConnection: close")}${"1\r\nR\r\n".repeat(60_000)}`);
    client.end("0\r\n\r\n");
    expect(await answersOf(client)).toEqual(["<60000>"]);
    // One read of 64 KiB has 10 922 chunks; how many of them fit into a turn depends on the machine.
    expect(most).toBeLessThan(10_900);
  });
});
