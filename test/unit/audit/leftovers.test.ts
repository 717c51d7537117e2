import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { audit } from "../../../src/audit/audit.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { renderFiles } from "../../../src/render/render.ts";

/** What lies beside a deployment after a while, and is used by no program. */

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-leftovers-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text, { mode });
};
const findings = async (path = "."): Promise<string[]> => {
  const result = await audit({ paths: [path], cwd: dir, today: "2026-11-28" });
  return result.findings.map(({ rule, file, message }) => `${rule} ${file} ${message}`);
};

const BAD_NGINX =
  "server { listen 80; location / { proxy_pass http://127.0.0.1:9876; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }\n";
const BAD_COMPOSE = 'services: { gigastt: { image: "gigastt:latest", ports: ["9876:9876"], privileged: true } }\n';
const NAMES = [
  "~",
  ".~1~",
  ".~12~",
  ".bak",
  ".orig",
  ".old",
  ".dpkg-old",
  ".dpkg-dist",
  ".ucf-dist",
  ".rpmsave",
  ".swp",
];

const rendered = async (kind: "nginx" | "caddy"): Promise<void> => {
  put("gigastt.config.yaml", `deploy: { domain: stt.example.com, proxy: { kind: ${kind} }, tls: { hsts: "on" } }\n`);
  const { config, hash } = await loadConfig({ file: "gigastt.config.yaml", env: {}, cwd: dir });
  for (const { path, text, mode } of renderFiles(config, [kind], { toolVersion: "0.0.0", configHash: hash }))
    put(path, text, mode);
};

describe("copies that editors and package managers leave behind", () => {
  it.each(NAMES)("a file that ends with %s is not audited beside the rendered set", async (ending) => {
    await rendered("nginx");
    put(`nginx/gigastt.conf${ending}`, BAD_NGINX);
    put(`Dockerfile${ending}`, "FROM debian:latest\nUSER root\nCMD node gigastt serve\n");
    put(`docker-compose.yaml${ending}`, BAD_COMPOSE);
    expect(await findings()).toEqual([]);
  });

  it("of a Caddyfile are not audited either", async () => {
    await rendered("caddy");
    put("caddy/Caddyfile.~1~", "stt.example.com {\n\treverse_proxy 127.0.0.1:9876\n}\n");
    expect(await findings()).toEqual([]);
  });

  it("are audited when they are named, or when an include reads them", async () => {
    put("nginx/gigastt.conf.bak", BAD_NGINX);
    expect((await findings("nginx/gigastt.conf.bak")).join()).toContain("GA-XFF-001");
    put("nginx/nginx.conf", "events {}\nhttp { include sites-enabled/*; }\n");
    put("nginx/sites-enabled/default.bak", BAD_NGINX);
    expect((await findings()).join()).toContain("GA-XFF-001 nginx/sites-enabled/default.bak");
  });

  it("of a secret are as secret as the file itself", async () => {
    put("secrets/users.htpasswd.bak", "anna:$2b$10$G1Q4uFmrxYJVcN3T0q9X0uV0n5Yg3iBz0vXo0P6rY8k0mJ1mJ1mJ2\n", 0o666);
    expect((await findings()).join()).toContain("GA-EXP-012");
  });
});

describe("files of a distribution that nothing includes", () => {
  const PROXY_PARAMS =
    "proxy_set_header Host $http_host;\nproxy_set_header X-Real-IP $remote_addr;\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto $scheme;\n";

  it("Debian's proxy_params is no finding beside an nginx.conf that does not read it", async () => {
    await rendered("nginx");
    put("nginx/proxy_params", PROXY_PARAMS);
    expect(await findings()).toEqual([]);
  });

  it("it is one as soon as a site includes it", async () => {
    put("nginx/nginx.conf", "events {}\nhttp { include sites-enabled/*; }\n");
    put("nginx/proxy_params", PROXY_PARAMS);
    put(
      "nginx/sites-enabled/stt",
      "server { listen 80; location / { include proxy_params; proxy_pass http://127.0.0.1:9876; } }\n",
    );
    expect((await findings()).join()).toContain("GA-XFF-001");
  });

  it("it is one where it stands alone: a site that is not here may include it", async () => {
    put("proxy_params", PROXY_PARAMS);
    expect((await findings()).join()).toContain("GA-XFF-001");
  });
});

describe("the state folder of a supervisor", () => {
  it("keeps earlier configurations, which are neither copies of this one nor in use", async () => {
    put("gigastt.config.yaml", "shutdown: { drain: 30s }\n");
    for (const [name, text] of Object.entries({
      "config.yaml": "shutdown: { drain: 5s }\n",
      "gigastt.config.yaml": "shutdown: { drain: 5s }\n",
      "rendered/nginx/gigastt.conf": BAD_NGINX,
    }))
      put(`state/generations/1/${name}`, text);
    put("state/supervisor.json", "{}");
    put("state/logs/runtime.log", "");
    expect(await findings()).toEqual([]);
  });
});

describe("home-network mode", () => {
  it("has TLS of its own and is meant for every device there", async () => {
    put("gigastt.config.yaml", "server: { lan: true, allowBindAny: true, host: 0.0.0.0 }\n");
    expect(await findings()).toEqual([]);
    put("gigastt.config.yaml", "server: { allowBindAny: true, host: 0.0.0.0 }\n");
    expect((await findings()).join()).toContain("GA-EXP-004");
  });
});
