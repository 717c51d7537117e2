import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createRuntime } from "../../src/runtime/runtime.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createLogger } from "../../src/shared/log.ts";
import { createCa, createServerCertificate } from "../../src/shared/pki.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { configWith } from "../support/runtime-server.ts";
import type { ConfigChanges } from "../support/runtime-server.ts";

describe("the server's own TLS", () => {
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
    ({ port } = await runtime.listenWithTls({ host: "127.0.0.1", port: 0 }, pair));
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

  it("cuts a connection that never begins its handshake", async () => {
    await start({ headersTimeoutMs: 300, keepAliveTimeoutMs: 200 });
    const socket = connectTcp(port, "127.0.0.1");
    socket.resume().on("error", () => {});
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});
