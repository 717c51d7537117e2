import { X509Certificate } from "node:crypto";
import { createServer, connect, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { createCa, createClientCertificate, createServerCertificate } from "../../../../src/shared/tls/pki.ts";
import { readCertificate } from "../../../../src/shared/tls/certificate.ts";

// Certificates know whole seconds only.
const now = new Date(Math.floor(Date.now() / 1000) * 1000);

describe("certificates", () => {
  it("of a server name every host name and address, and are accepted by TLS for each of them and no other", async () => {
    const ca = await createCa("gigastt CA of box", now);
    const pair = await createServerCertificate(ca, ["box.example.com", "box", "192.0.2.7", "::1"], now);
    const facts = readCertificate(pair.certificate, now);
    expect(facts.names).toEqual(["box.example.com", "box", "192.0.2.7", "0:0:0:0:0:0:0:1"]);
    expect(facts.daysLeft).toBe(397);
    expect(new X509Certificate(pair.certificate).verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
    const server = createServer({ cert: pair.certificate, key: pair.privateKey }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo; // a TCP server
    const reach = async (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca: ca.certificate, servername }, () => {
          socket.destroy();
          resolve("ok");
        });
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await reach("box.example.com")).toBe("ok");
    expect(await reach("other.example.com")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    server.close();
  });

  it("of a client are refused where a server certificate is wanted, and the other way round", async () => {
    const ca = await createCa("CA", now);
    const client = await createClientCertificate(ca, "laptop", now);
    const parsed = new X509Certificate(client.certificate);
    expect(parsed.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(parsed.ca).toBe(false);
    expect(readCertificate(client.certificate, now).subject).toBe("CN=laptop");
  });

  it("cannot be read from something else", () => {
    expect(() => readCertificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", now)).toThrow();
  });
});
