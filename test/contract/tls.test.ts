import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createRuntime } from "../../src/runtime/runtime.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createLogger } from "../../src/shared/log.ts";
import { createCa, createServerCertificate } from "../../src/shared/tls/pki.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { configWith } from "../support/runtime-server.ts";
import type { ConfigChanges } from "../support/runtime-server.ts";
import { clientFrame, UPGRADE } from "../support/ws-frames.ts";

describe("TLS for the home network", () => {
  let runtime: Runtime;
  let port: number;
  let ca: string;
  const start = async (server: ConfigChanges["server"] = {}): Promise<void> => {
    const authority = await createCa("test", new Date());
    const pair = await createServerCertificate(authority, ["localhost"], new Date());
    ca = authority.certificate;
    runtime = createRuntime({
      config: configWith({ server }),
      engine: createPacedEngine(),
      version: "0.0.0-test",
      log: createLogger({ level: "fatal", stream: { write: () => {} } }),
    });
    ({
      address: { port },
    } = await runtime.listenOnLan({ host: "127.0.0.1", port: 0 }, pair));
    await runtime.start();
  };
  afterEach(async () => {
    const report = runtime.drain.begin("test");
    runtime.drain.expedite();
    await report;
    runtime.release();
  });

  it("serves a request that offers another protocol as if it had not", async () => {
    await start();
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.write(
      "GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    );
    await expect.poll(() => text, { timeout: 10_000 }).toContain('"status":"ok"');
    socket.destroy();
  });

  it("keeps the order of a connection as without TLS: an upload, an h2c offer, an unknown Expect; a WebSocket behind an upload", async () => {
    await start();
    const upload = "POST /v1/transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
    const get = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
    const stop = clientFrame(1, Buffer.from('{"type":"stop"}')).toString("latin1");
    for (const [bytes, statuses] of [
      [
        `${upload}${get}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n${upload}${get}Expect: foo\r\n\r\n`,
        "200 200 200 417",
      ],
      [`${upload}${UPGRADE}${stop}`, "200 101"],
      [`${upload}GARBAGE\r\n\r\n`, "200 400"],
      [`${get}Connection: close\r\n\r\n${upload}`, "200"],
    ] as const) {
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
      let text = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
      socket.write(bytes, "latin1");
      await once(socket, "end");
      socket.destroy();
      expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status).join(" ")).toBe(statuses);
    }
  });

  it("answers a request without a Host header itself, as without TLS", async () => {
    await start();
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.write("GET /health HTTP/1.1\r\n\r\n");
    await expect
      .poll(() => text, { timeout: 10_000 })
      .toMatch(/^HTTP\/1.1 400 .*x-request-id: .*"code":"bad_request"/s);
    socket.destroy();
  });

  it("takes its own pages for its own by the scheme it serves", async () => {
    await start();
    const status = async (origin: string): Promise<string> => {
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      socket.write(`GET /v1/models HTTP/1.1\r\nHost: 192.168.1.5:1\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`);
      await once(socket, "close");
      return text.split(" ")[1] ?? "";
    };
    expect(await status("https://192.168.1.5:1")).toBe("200");
    expect(await status("http://192.168.1.5:1")).toBe("403");
    expect(await status("https://192.168.1.5:2")).toBe("403");
  });

  it("cuts a connection that never begins its handshake", async () => {
    await start({ headersTimeoutMs: 300, keepAliveTimeoutMs: 200 });
    const socket = connectTcp(port, "127.0.0.1");
    socket.resume().on("error", () => {});
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});
