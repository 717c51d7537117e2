import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { audit } from "../../../src/audit/audit.ts";
import { auditFiles } from "../../support/audit-files.ts";

/** What the audit could not look at must not read as approval. */

const missing = (files: Record<string, string>): string[] =>
  auditFiles(files)
    .filter(({ rule }) => rule === "GA-PRS-002")
    .map(({ message }) => message);

describe("missing includes", () => {
  it("a host file of nginx-proxy-manager without its includes", () => {
    const host = `server {
  set $server "192.168.1.40";
  set $port 9876;
  listen 80;
  include conf.d/include/block-exploits.conf;
  location / {
    include conf.d/include/proxy.conf;
  }
  include /data/nginx/custom/server_proxy[.]conf;
}
`;
    expect(missing({ "proxy_host/3.conf": host })).toEqual([
      "conf.d/include/block-exploits.conf, conf.d/include/proxy.conf were not audited: proxy_host/3.conf reads them, and the audited files do not contain them",
    ]);
  });

  it("an include that is there, types, and patterns without a match beside an upstream are silent", () => {
    const text =
      "events {}\nhttp { include mime.types; include /etc/nginx/conf.d/*.conf; server { include a.inc; location / { proxy_pass http://127.0.0.1:9876; } } }\n";
    expect(missing({ "nginx.conf": text, "a.inc": "server_name x;\n" })).toEqual([]);
    expect(missing({ "nginx.conf": text })).toHaveLength(1);
  });

  it("a compose file that extends or includes another one", () => {
    const text = "include: [voice.yaml]\nservices: { gigastt: { extends: { file: base.yaml, service: a } } }\n";
    expect(missing({ "compose.yaml": text })).toEqual([
      "base.yaml, voice.yaml were not audited: compose.yaml reads them, and the audited files do not contain them",
    ]);
    const both = { "base.yaml": "services: { a: { image: gigastt } }\n", "voice.yaml": "services: {}\n" };
    expect(missing({ "compose.yaml": text, ...both })).toEqual([]);
  });
});

describe("guides", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-guides-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  const GUIDE =
    "# Set-up\n\n```nginx\nlocation / {\n  proxy_pass http://127.0.0.1:9876;\n  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n}\n```\n";
  const rules = async (): Promise<string[]> => {
    const result = await audit({ paths: ["."], cwd: dir, today: "2026-11-28" });
    return result.findings.map(({ rule, file, line }) => `${rule} ${file}:${line}`);
  };

  it("a folder that holds only guides is audited", async () => {
    put("docs/nginx.md", GUIDE);
    expect(await rules()).toContain("GA-XFF-001 docs/nginx.md:6");
  });

  it("guides beside configuration are not", async () => {
    put("docs/nginx.md", GUIDE);
    put("Caddyfile", "example.org {\n\trespond ok\n}\n");
    expect((await rules()).filter((line) => line.includes(".md"))).toEqual([]);
  });

  it("guides without code of ours leave nothing to audit", async () => {
    put("README.md", "# Hello\n\n```python\nprint(1)\n```\n");
    expect((await audit({ paths: ["."], cwd: dir, today: "2026-11-28" })).audited).toEqual([]);
  });
});

describe("files of a kind without a reader", () => {
  const server = "gigastt on port 9876";
  const KINDS = {
    "values.yaml": (of: string) => `image: ${of}\n`,
    "release.yaml": (of: string) => `apiVersion: v1\nkind: HelmRelease\nspec: {values: {image: ${of}}}\n`,
    "tasks.yml": (of: string) => `- community.docker.docker_container:\n    name: ${of}\n`,
    "site.conf.j2": (of: string) => `server { listen {{ port }}; } # ${of}\n`,
    "configuration.nix": (of: string) => `{ services.nginx.enable = true; } # ${of}\n`,
    "main.tf": (of: string) => `resource "docker_container" "a" {} # ${of}\n`,
    "app.ini": (of: string) => `[program:a]\ncommand=${of}\n`,
  };
  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("%s speaks once, and not about another program", (name) => {
    expect(missing({ [name]: KINDS[name](server) })).toHaveLength(1);
    expect(missing({ [name]: KINDS[name]("jellyfin on port 8096") })).toEqual([]);
  });
});
