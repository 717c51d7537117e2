import { describe, expect, it } from "vitest";
import { knownListeners } from "../../../src/audit/model/listeners.ts";
import { ASSUME_KEYS } from "../../../src/audit/model/assume.ts";
import { port as doctorPort } from "../../../src/cli/doctor/port.ts";
import { CROSS_RULES } from "../../../src/config/rules/all.ts";
import { listenersOf } from "../../../src/config/listeners.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { renderFiles } from "../../../src/render/render.ts";
import type { RenderTarget } from "../../../src/render/render.ts";
import { socketUnit } from "../../../src/render/systemd.ts";
import { FACES } from "../../../src/runtime/faces.ts";
import { LISTENERS } from "../../../src/shared/listeners.ts";
import { passedSockets } from "../../../src/supervisor/runtime/listener.ts";
import { serviceFiles } from "../../../src/supervisor/install/service-files.ts";
import { factsOf, auditFiles } from "../../support/audit-files.ts";
import { linesOf, contextOf, machine } from "../cli/doctor/helpers.ts";
import { configWith, type DeployOverrides } from "../render/base-config.ts";

/** Every listener on, open to the network, on ports below those that the system gives to clients. */
const portOf = (index: number): number => 21_001 + index;
function open(deploy: DeployOverrides = {}): ResolvedConfig {
  const config = configWith({ deploy: { domain: "stt.example.com", ...deploy } });
  const sections = LISTENERS.map(({ section, isOptional }, index) => [
    section,
    {
      ...config[section],
      host: "0.0.0.0",
      port: portOf(index),
      ...(isOptional ? { enabled: true } : { allowBindAny: true }),
    },
  ]);
  return { ...config, ...(Object.fromEntries(sections) as object) };
}
const rendered = (config: ResolvedConfig, target: RenderTarget): string =>
  renderFiles(config, [target], { toolVersion: "0", configHash: "0" })
    .map(({ path, text }) => `=== ${path}\n${text}`)
    .join("");

/** A port that one of these does not know is closed, or open without anyone having said so. */
describe.each(LISTENERS.map((spec, index) => [spec.name, spec, portOf(index)] as const))("%s", (_, spec, port) => {
  const { section, name } = spec;

  it("has its keys in the schema, with the default port of the table", () => {
    const keys = settableKeys(configSchema);
    expect(keys.get(`${section}.port`)).toMatchObject({ default: spec.defaultPort, "x-reload": "restart" });
    expect(keys.get(`${section}.host`)).toMatchObject({ default: "127.0.0.1", "x-reload": "restart" });
    expect(keys.has(`${section}.enabled`)).toBe(spec.isOptional);
    expect(keys.has(`${section}.socket`)).toBe(spec.hasSocket);
    if (spec.isOptional) expect(keys.get(`${section}.enabled`)).toMatchObject({ default: false });
  });

  it("is off, or on loopback alone, by default", () => {
    expect(listenersOf(configWith()).map((listener) => listener.name)).toEqual(["http"]);
  });

  it("needs server.allowBindAny beyond loopback", () => {
    const config = open();
    const closed = { ...config, server: { ...config.server, allowBindAny: false } };
    const pointed = CROSS_RULES.filter(({ severity, check }) => severity === "error" && check(closed, { cores: 4 }));
    expect(pointed.map(({ keys }) => keys[0])).toContain(`${section}.host`);
  });

  it("where keys are required, takes keys or is refused beyond loopback without a permission of its own", () => {
    const config: ResolvedConfig = { ...open(), auth: { ...open().auth, keys: "required" } };
    const errors = (changed: ResolvedConfig): readonly string[] =>
      CROSS_RULES.filter(({ severity, check }) => severity === "error" && check(changed, { cores: 4 })).flatMap(
        ({ keys: [key] }) => (key === `${section}.host` ? [key] : []),
      );
    expect(errors(config)).toEqual(spec.takesKeys ? [] : [`${section}.host`]);
    const changed = (values: object): ResolvedConfig => ({ ...config, [section]: { ...config[section], ...values } });
    expect(errors(changed({ host: "127.0.0.1" }))).toEqual([]);
    expect(errors(changed({ allowWithoutKey: true }))).toEqual([]);
    if (spec.hasSocket) expect(errors(changed({ socket: "/run/gigastt/a.sock" }))).toEqual([]);
    expect(settableKeys(configSchema).has(`${section}.allowWithoutKey`)).toBe(!spec.takesKeys);
  });

  it("does not share its port with another listener", () => {
    for (const other of LISTENERS) {
      if (other.name === name) continue;
      const config = open();
      const clash = { ...config, [other.section]: { ...config[other.section], port } } as ResolvedConfig;
      expect(
        CROSS_RULES.filter(({ severity, check }) => severity === "error" && check(clash, { cores: 4 })),
      ).toHaveLength(1);
    }
  });

  it("is served by the runtime, and passed to it by name", () => {
    if (name !== "http") expect(FACES[name]).toBeTypeOf("function");
    const names = LISTENERS.map((one) => one.name).join(":");
    const passed = passedSockets({ LISTEN_FDS: String(LISTENERS.length), LISTEN_FDNAMES: names });
    expect(passed.get(name)).toBe(3 + LISTENERS.indexOf(spec));
  });

  it("is opened by the firewall, unless the proxy stands before it", () => {
    for (const kind of ["nftables", "ufw"] as const) {
      const text = rendered(open({ proxy: { kind: "none" }, firewall: { kind } }), "firewall");
      expect(text).toMatch(new RegExp(`\\b${port}\\b`));
      const behind = rendered(open({ proxy: { kind: "caddy" }, firewall: { kind } }), "firewall");
      if (spec.tls === "proxy") expect(behind).not.toMatch(new RegExp(`dport \\{[^}]*\\b${port}\\b|allow ${port}`));
      else expect(behind).toMatch(new RegExp(`\\b${port}\\b`));
    }
  });

  it("has a port in the compose project, the image and the cluster", () => {
    const compose = rendered(open({ target: "compose" }), "compose");
    expect(compose).toMatch(
      spec.tls === "proxy" ? new RegExp(`expose:\\s+- "${port}"`) : new RegExp(`- "?${port}:${port}`),
    );
    expect(rendered(open(), "docker")).toMatch(new RegExp(`^EXPOSE .*\\b${port}\\b`, "m"));
    const cluster = rendered(open({ target: "kubernetes" }), "kubernetes");
    const part = (file: string): string =>
      cluster.split("=== ").find((text) => text.startsWith(`kubernetes/${file}`)) ?? "";
    expect(part("deployment")).toMatch(new RegExp(`name: ${name}\\s+containerPort: ${port}`));
    expect(part("service.yaml")).toMatch(new RegExp(`name: ${name}\\b[^-]*targetPort: (?:${name}|gate)`));
    expect(part("networkpolicy")).toMatch(new RegExp(`port: (?:${name}|gate)\\b`));
  });

  it("has a socket unit that the service follows and uninstalling removes", () => {
    const units = rendered(open({ systemd: { socketActivation: true } }), "systemd");
    const unit = units.split("=== ").find((text) => text.startsWith(`systemd/${socketUnit(name)}\n`)) ?? "";
    expect(unit).toContain(`ListenStream=0.0.0.0:${port}`);
    expect(unit).toContain(`FileDescriptorName=${name}`);
    expect(units).toMatch(new RegExp(`^Requires=.*${socketUnit(name)}`, "m"));
    expect(serviceFiles("linux").some((path) => path.endsWith(`/${socketUnit(name)}`))).toBe(true);
    // The unit must not deny what the listener is for.
    expect(units).not.toContain("IPAddressDeny=any");
  });

  it("is checked by doctor", async () => {
    const text = (await linesOf(doctorPort, contextOf(machine(), { config: open() }))).join("\n");
    expect(text).toContain(`:${port}`);
  });

  it("is known to the audit, which warns when it is open", () => {
    for (const key of ["host", "port", ...(spec.isOptional ? ["enabled"] : [])]) {
      expect(ASSUME_KEYS[`${section}.${key}`]).toBeDefined();
    }
    const lines = [
      `${section}:`,
      ...(spec.isOptional ? ["  enabled: true"] : []),
      "  host: 0.0.0.0",
      `  port: ${port}`,
    ];
    const files = {
      "gigastt.config.yaml": [...lines, ...(spec.isOptional ? ["server:"] : []), "  allowBindAny: true", ""].join("\n"),
    };
    expect(knownListeners(factsOf(files).assume).map((known) => known.port)).toContain(port);
    const messages = auditFiles(files).map(({ message }) => message);
    expect(messages.filter((message) => message.startsWith(`${section}.host is 0.0.0.0`))).toHaveLength(1);
  });
});

describe("sockets passed by a service manager", () => {
  it("a single one of any name is HTTP; two without names are refused", () => {
    expect([...passedSockets({ LISTEN_FDS: "1", LISTEN_FDNAMES: "gigastt.socket" })]).toEqual([["http", 3]]);
    expect([...passedSockets({ LISTEN_FDS: "2", LISTEN_FDNAMES: "wyoming:other" })]).toEqual([
      ["wyoming", 3],
      ["http", 4],
    ]);
    expect(() => passedSockets({ LISTEN_FDS: "2" })).toThrow(/FileDescriptorName/);
    expect(() => passedSockets({ LISTEN_FDS: "2", LISTEN_FDNAMES: "http:http" })).toThrow(/FileDescriptorName/);
  });
});
