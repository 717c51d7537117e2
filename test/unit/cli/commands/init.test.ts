import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nextSteps } from "../../../../src/cli/deploy/init/next-steps.ts";
import type { Machine } from "../../../../src/cli/deploy/init/detect.ts";
import { runCli, type CliResult } from "../../../support/cli.ts";
import { configWith } from "../../render/base-config.ts";

let dir: string;
const init = async (line: string): Promise<CliResult> =>
  runCli(["init", ...line.split(" ").filter((word) => word !== "")], dir);
const file = (name: string): string => readFileSync(join(dir, name), "utf8");

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-init-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const REFUSED = [
  ["--yes --target host --proxy caddy --tls acme", "--domain is needed for --tls"],
  ["--yes --target host --proxy none --auth basic", "--auth needs a proxy: the server itself has no authentication"],
  ["--yes --target compose --domain a.example.com --auth mtls --tls none", "--auth mtls needs TLS"],
  ["--yes --target compose --domain a.example.com --auth forward", "--auth forward needs --forward-url"],
  ["--yes --target kubernetes", "--domain is needed for --target kubernetes"],
  ["--yes --lan --proxy caddy", "--lan is for a server on this machine without a proxy"],
  ["--yes --target host --proxy none --overlay edge", "--overlay is for --target compose"],
  [
    "--yes --target compose --domain NOT_A_NAME",
    "gigastt.config.yaml:6:11 deploy.domain: must be a host name with at least one dot",
  ],
  ["--target compose", "needs a terminal"],
  ["--json", "--json needs --yes"],
];

describe("gigastt init in a checkout", () => {
  const example = readFileSync(new URL("../../../../gigastt.config.yaml", import.meta.url), "utf8");

  it("leaves the example alone and writes gigastt.local.yaml, which the other commands then find", async () => {
    writeFileSync(join(dir, "gigastt.config.yaml"), example);
    const line = "--yes --target host --domain stt.example.com --proxy caddy";
    expect((await init(line)).code).toBe(0);
    expect(file("gigastt.config.yaml")).toBe(example);
    expect(file("gigastt.local.yaml")).toContain("domain: stt.example.com");
    const printed = await runCli(["config", "print", "--json"], dir);
    expect(JSON.parse(printed.stdout)).toMatchObject({ path: join(dir, "gigastt.local.yaml") });
    expect((await runCli(["render", "--check"], dir)).code).toBe(0);
    expect((await init(line)).stdout).toContain("unchanged  gigastt.local.yaml");
  });

  it("goes on with an example that was edited, and with the path that is named", async () => {
    writeFileSync(join(dir, "gigastt.config.yaml"), example.replace("port: 9876", "port: 9000"));
    expect((await init("--yes --lan")).code).toBe(0);
    expect(existsSync(join(dir, "gigastt.local.yaml"))).toBe(false);
    expect((await init("--yes --lan -c mine.yaml")).code).toBe(0);
    expect(file("mine.yaml")).toContain("lan: true");
  });

  it("writes nothing that git would see as a change", () => {
    const ignored = readFileSync(new URL("../../../../.gitignore", import.meta.url), "utf8").split("\n");
    for (const line of ["/gigastt.local.yaml", "/deploy/*/", "deploy/compose/secrets/", "deploy/compose/tls/"])
      expect(ignored).toContain(line);
  });
});

describe("gigastt init --yes", () => {
  it("sets up a compose project: configuration, files, first secret, next commands", async () => {
    const { code, stdout } = await init("--yes --target compose --domain stt.example.com --auth basic --name anna");
    expect(code).toBe(0);
    expect(file("gigastt.config.yaml")).toBe(
      `# yaml-language-server: $schema=./gigastt.schema.json
# Written by gigastt init. Every key and its meaning: gigastt config explain, or gigastt config print --commented.
# After a change: gigastt config check, then gigastt render.
deploy:
  target: compose
  domain: stt.example.com
  proxy:
    kind: caddy
  tls:
    mode: acme
  auth:
    kind: basic
`,
    );
    expect(readdirSync(join(dir, "deploy/compose")).sort()).toEqual([
      ".env",
      ".gitignore",
      "caddy",
      "compose.caddy.yaml",
      "compose.yaml",
      "gigastt.config.yaml",
      "prepare.mjs",
      "secrets",
    ]);
    expect(statSync(join(dir, "deploy/compose/secrets/users.caddy")).mode & 0o777).toBe(0o600);
    expect(stdout).toMatch(/Password of anna \(shown only once\): [a-z2-9]{24}\n/);
    expect(stdout).toContain("  (cd deploy/compose && docker compose up -d --wait)\n");
    // What it wrote fits what it wrote it from.
    expect((await runCli(["render", "--check"], dir)).code).toBe(0);
    expect((await runCli(["config", "check"], dir)).code).toBe(0);
  });

  it("updates an existing configuration: comments, order and other keys stay, the secret stays", async () => {
    await init("--yes --target compose --domain stt.example.com --auth basic --name anna");
    const users = file("deploy/compose/secrets/users.caddy");
    writeFileSync(
      join(dir, "gigastt.config.yaml"),
      `# mine\npool:\n  size: 2 # a small box\n${file("gigastt.config.yaml")}`,
    );
    const { code, stdout } = await init("--yes --target compose --domain other.example.com --auth basic --name anna");
    expect(code).toBe(0);
    expect(file("gigastt.config.yaml")).toMatch(/^# mine\npool:\n {2}size: 2 # a small box\n/);
    expect(file("gigastt.config.yaml")).toContain("domain: other.example.com");
    expect(file("deploy/compose/caddy/Caddyfile")).toContain("other.example.com {");
    expect(file("deploy/compose/secrets/users.caddy")).toBe(users);
    expect(stdout).not.toContain("Password");
  });

  it("removes what another target had rendered, but not what was edited", async () => {
    await init("--yes --target compose --domain stt.example.com --proxy caddy");
    const found = (): string[] => readdirSync(join(dir, "deploy"), { recursive: true, encoding: "utf8" });
    const former = found().filter(
      (name) => /Caddyfile|caddy/.test(name) && statSync(join(dir, "deploy", name)).isFile(),
    );
    expect(former.length).toBeGreaterThan(0);
    const { code, stdout } = await init("--yes --target compose --domain stt.example.com --proxy nginx");
    expect(code).toBe(0);
    for (const name of former) expect(stdout).toContain(`removed  ${join("deploy", name)}`);
    expect(found().filter((name) => former.includes(name))).toEqual([]);
    const nginx = found().find((name) => name.endsWith("nginx.conf"))!;
    appendFileSync(join(dir, "deploy", nginx), "# mine\n");
    expect((await init("--yes --target compose --domain stt.example.com --proxy caddy")).code).toBe(0);
    expect(found()).toContain(nginx);
  });

  it("never replaces a file edited by hand, and then leaves the configuration alone too", async () => {
    await init("--yes --target compose --domain stt.example.com");
    const before = file("gigastt.config.yaml");
    appendFileSync(join(dir, "deploy/compose/compose.yaml"), "# mine\n");
    const { code, stderr } = await init("--yes --target compose --domain other.example.com");
    expect(code).toBe(1);
    expect(stderr).toContain("(edited by hand): would be overwritten.");
    expect(file("gigastt.config.yaml")).toBe(before);
  });

  it("adds its lines to .gitignore once", async () => {
    mkdirSync(join(dir, ".git"));
    writeFileSync(join(dir, ".gitignore"), "node_modules/");
    await init("--yes --target compose --domain stt.example.com");
    await init("--yes --target compose --domain stt.example.com");
    expect(file(".gitignore")).toBe("node_modules/\ndeploy/compose/secrets/\ndeploy/compose/tls/\n");
  });

  it.each([
    ["host", "--target host --proxy none", ["deploy/firewall", "deploy/systemd"]],
    ["kubernetes", "--target kubernetes --domain stt.example.com", ["deploy/docker", "deploy/kubernetes"]],
  ])("sets up %s", async (_name, flags, folders) => {
    const { code } = await init(`--yes ${flags}`);
    expect(code).toBe(0);
    for (const folder of folders) expect(existsSync(join(dir, folder)), folder).toBe(true);
  });

  it("opens nothing to others unless asked, whatever proxy is installed, and says where no password is required", async () => {
    expect((await init("--yes")).code).toBe(0);
    expect(existsSync(join(dir, "deploy/caddy"))).toBe(false);
    expect(existsSync(join(dir, "deploy/nginx"))).toBe(false);
    expect((await init("--yes --target host --proxy caddy")).stderr).toContain("no password is required");
    expect((await init("--yes")).code).toBe(0);
    expect(existsSync(join(dir, "deploy/caddy"))).toBe(true);
  });

  it.each(REFUSED)("refuses %s with the cure and writes nothing", async (flags, message) => {
    const { code, stderr } = await init(flags);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("does not touch a configuration that is not YAML", async () => {
    writeFileSync(join(dir, "gigastt.config.yaml"), "a: [");
    const { code, stderr } = await init("--yes --target host --proxy none");
    expect(code).toBe(2);
    expect(stderr).toContain("cannot be read as YAML");
    expect(file("gigastt.config.yaml")).toBe("a: [");
  });
});

describe("the next commands", () => {
  const machine: Machine = {
    caddy: "2.11.4",
    nginx: "1.22.1",
    haproxy: undefined,
    traefik: undefined,
    openssl: "3.0.17",
    docker: "28.2.2",
    kubectl: "1.34.0",
    systemd: true,
    root: false,
    cores: 4,
    memoryMiB: 8192,
    installation: "/home/anna/gigastt",
    node: "/usr/bin/node",
  };
  const places = {
    program: "./gigastt",
    configFile: "gigastt.config.yaml",
    out: "deploy",
    missingSecret: undefined,
    name: undefined,
    formerProxy: undefined,
    addresses: ["192.0.2.7"],
  };
  const commands = (steps: readonly string[]): readonly string[] => steps.filter((step) => !step.startsWith("#"));

  it("for a host with Caddy, from a clone in a home folder", () => {
    const config = configWith({
      deploy: { domain: "stt.example.com", proxy: { kind: "caddy" }, tls: { mode: "acme" }, auth: { kind: "basic" } },
    });
    expect(commands(nextSteps(config, machine, { ...places, missingSecret: "user anna", name: "anna" }))).toEqual([
      "sudo mkdir -p /opt/gigastt",
      "sudo cp -rT --preserve=timestamps /home/anna/gigastt /opt/gigastt",
      "sudo chmod -R go=rX /opt/gigastt",
      "sudo install -d -m 0755 /etc/gigastt",
      "sudo install -m 0644 gigastt.config.yaml /etc/gigastt/gigastt.config.yaml",
      "sudo ./gigastt secrets create user anna --config /etc/gigastt/gigastt.config.yaml",
      "sudo install -d -m 0755 /etc/caddy",
      "sudo cp --backup=numbered deploy/caddy/Caddyfile /etc/caddy/Caddyfile",
      "sudo ./gigastt install-service --config /etc/gigastt/gigastt.config.yaml",
      "sudo systemctl restart caddy",
      "./gigastt verify https://stt.example.com --user anna",
    ]);
  });

  it("for nginx with Let's Encrypt: the first certificate comes before nginx starts, and port 80 is free for it", () => {
    const config = configWith({
      deploy: { domain: "stt.example.com", proxy: { kind: "nginx" }, tls: { mode: "acme", email: "a@example.com" } },
    });
    const steps = commands(nextSteps(config, { ...machine, root: true, nginx: undefined }, places));
    expect(steps[0]).toBe("apt-get install -y nginx");
    const order = [
      "systemctl stop nginx",
      "certbot certonly --standalone --non-interactive --keep-until-expiring --agree-tos -m a@example.com -d stt.example.com",
      "nginx -t",
      "systemctl restart nginx",
    ].map((step) => steps.indexOf(step));
    expect(order.every((at) => at >= 0)).toBe(true);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
  });

  it("for a private CA and client certificates: the proof knows the CA and the first client", () => {
    const config = configWith({
      deploy: {
        domain: "stt.example.com",
        proxy: { kind: "nginx" },
        tls: { mode: "internal" },
        auth: { kind: "mtls" },
      },
    });
    const steps = commands(nextSteps(config, machine, places));
    expect(steps).toContain("sudo ./gigastt certs client admin --config /etc/gigastt/gigastt.config.yaml");
    expect(steps.at(-1)).toBe(
      "sudo ./gigastt verify https://stt.example.com --ca /etc/gigastt/tls/ca.pem --cert /etc/gigastt/tls/clients/admin.pem --key /etc/gigastt/tls/clients/admin.key",
    );
  });

  it("for the home network: its addresses are named, no proxy is", () => {
    const config = configWith({ server: { lan: true, host: "0.0.0.0", allowBindAny: true } });
    const steps = nextSteps(config, { ...machine, installation: "/opt/gigastt" }, places);
    expect(commands(steps)).toEqual([
      "sudo install -d -m 0755 /etc/gigastt",
      "sudo install -m 0644 gigastt.config.yaml /etc/gigastt/gigastt.config.yaml",
      "sudo ./gigastt install-service --config /etc/gigastt/gigastt.config.yaml",
      "curl -sSk https://127.0.0.1:9876/health",
    ]);
    expect(steps).toContain("# phones and computers at home: https://192.0.2.7:9876");
  });

  it("for compose stay in the folder they were printed in", () => {
    const config = configWith({
      deploy: { target: "compose", domain: "stt.example.com", proxy: { kind: "caddy" }, tls: { mode: "internal" } },
    });
    expect(commands(nextSteps(config, machine, places))).toEqual([
      `docker build -f deploy/Dockerfile -t ${config.deploy.images.app} .`,
      "(cd deploy/compose && docker compose config --quiet)",
      "(cd deploy/compose && docker compose up -d --wait)",
      "(cd deploy/compose && docker compose ps)",
      "(cd deploy/compose && docker compose cp proxy:/data/caddy/pki/authorities/local/root.crt ca.crt)",
      "./gigastt verify https://stt.example.com --ca deploy/compose/ca.crt --open",
    ]);
  });
});

describe("running init again", () => {
  it("without flags suggests what it was told before", async () => {
    await init(
      "--yes --target compose --domain stt.example.com --proxy nginx --tls internal --auth keys --overlay edge",
    );
    const before = file("gigastt.config.yaml");
    const { code, stdout } = await init("--yes");
    expect(code).toBe(0);
    expect(stdout).toContain("unchanged  gigastt.config.yaml");
    expect(file("gigastt.config.yaml")).toBe(before);
  });

  it("takes earlier answers back: from a domain with nginx to the home network", async () => {
    await init("--yes --target host --proxy nginx --domain stt.example.com --tls internal --auth basic");
    expect(await init("--yes --lan")).toMatchObject({ code: 0 });
    const text = file("gigastt.config.yaml");
    expect(text).toContain("kind: none");
    expect(text).toContain("domain: null");
    expect(text).toContain("lan: true");
    expect((await init("--yes --target host --proxy none")).code).toBe(0);
    expect(file("gigastt.config.yaml")).toContain("lan: false");
  });
});
