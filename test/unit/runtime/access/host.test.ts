import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHostPolicy } from "../../../../src/runtime/access/host.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import { configWith } from "../../../support/runtime-server.ts";

const policy = createHostPolicy(
  configWith({
    server: {
      ...defaultConfig.server,
      allowedHosts: ["stt.lan.example", "*.stt.svc.cluster.local", "пример.рф"],
      allowedOrigins: ["https://page.example:8443", "app://obsidian.md"],
    },
    deploy: { ...defaultConfig.deploy, domain: "stt.example.com" },
  }),
  "box.office.example",
);

describe("createHostPolicy", () => {
  it.each([
    // addresses and names without a dot: an attacker cannot publish them
    "127.0.0.1",
    "127.0.0.1:9876",
    "192.168.1.5:9876",
    "[::1]",
    "[::1]:9876",
    "[2001:db8::5]:443",
    "[::ffff:10.0.0.1]",
    "203.0.113.9.",
    "localhost",
    "LOCALHOST:9876",
    "localhost.",
    "gigastt:9876",
    "gigastt_app",
    "",
    ":9876",
    // this machine
    "box.office.example",
    "Box.Office.Example.:9876",
    "box.local",
    "BOX.local:9876",
    "box.lan",
    "box.home.arpa",
    // configured
    "stt.example.com",
    "STT.EXAMPLE.COM.:443",
    "stt.lan.example:1",
    "page.example",
    "10-0-0-7.stt.svc.cluster.local",
    "a.b.stt.svc.cluster.local",
    "xn--e1afmkfd.xn--p1ai",
    "XN--E1AFMKFD.xn--p1ai:443",
  ])("allows %j", (host) => {
    expect(policy(host)).toBe(true);
  });

  it.each([
    "evil.example",
    "evil.example:9876",
    "EVIL.example.",
    "stt.example.com.evil.example",
    "evilstt.example.com",
    "sub.stt.example.com",
    "stt.svc.cluster.local",
    "xstt.svc.cluster.local",
    "other.local",
    "obsidian.md",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example",
    "1.2.3",
    "0x7f.0.0.1",
    "stt.example.com..",
    "[evil.example]",
    "[::1].evil.example",
  ])("refuses %j", (host) => {
    expect(policy(host)).toBe(false);
  });

  it("allows every name when every web page may call anyway", () => {
    const open = createHostPolicy(configWith({ server: { ...defaultConfig.server, corsAllowAny: true } }), "box");
    expect(open("evil.example")).toBe(true);
  });

  it("decides alike for any case, port and final dot", () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const name = fc.oneof(
      fc.constantFrom("stt.example.com", "box.local", "localhost", "127.0.0.1"),
      fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
    );
    fc.assert(
      fc.property(name, fc.boolean(), fc.boolean(), fc.option(fc.nat(65_535)), (plain, upper, dot, port) => {
        const spelled = `${upper ? plain.toUpperCase() : plain}${dot ? "." : ""}${port === null ? "" : `:${port}`}`;
        expect(policy(spelled), spelled).toBe(policy(plain));
      }),
    );
  });
});
