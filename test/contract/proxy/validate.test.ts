import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith, type DeployOverrides } from "../../unit/render/base-config.ts";
import { describeFront } from "./cases.ts";
import { PROXY_RULES } from "../../../src/config/rules/proxy.ts";
import { FRONTS, KEY, type ProxyFront } from "./front.ts";

const AUTHS = ["none", "basic", "keys", "forward", "mtls"] as const;
const TLS = ["acme", "internal", "files", "none"] as const;
const VARIANTS: readonly DeployOverrides[] = [
  {},
  { publicPaths: [] },
  {
    publicPaths: ["/health", "/ready", "/v1/ws", "/v1/transcribe/stream", "/"],
    privacy: "standard",
    limiter: "proxy",
    httpPort: 8080,
    httpsPort: 8443,
  },
  { cdnCidrs: ["203.0.113.0/24", "2001:db8::/32"] },
];

const goldens = new URL("../../golden/render/", import.meta.url);
const SITUATIONS = readdirSync(goldens).filter((name) => /^(?:caddy|nginx|haproxy|compose)/.test(name));
/** `nginx -t` opens its ports: in a network of its own nobody else has them. */
const isolated = spawnSync("unshare", ["-n", "true"]).status === 0 ? ["unshare", "-n"] : [];

// The proxy's own check over everything that changes the shape of its file.
// Traefik has no check of its own: its contract suite starts it.
for (const front of FRONTS.filter(({ kind }) => kind !== "traefik")) {
  describeFront(front, " accepts", () => {
    let dir: string;
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), "gigastt-validate-"));
      const now = new Date();
      const ca = await createCa("CA", now);
      const server = await createServerCertificate(ca, ["stt.example.com"], now);
      const files = {
        "server.pem": server.certificate,
        "server.key": server.privateKey,
        "server.pem.key": server.privateKey,
        "users.haproxy": "userlist gigastt\nuser anna password x\n",
        "keys.haproxy": `Bearer ${KEY}\n`,
        "clients-ca.pem": ca.certificate,
        "users.caddy": "anna $2b$04$ISAJU1vMlNF34/wk.vQnYuHKKshhxGpYyTwpKvKWjSupDAB8Lj6ne\n",
        "users.htpasswd": "anna:x\n",
        "keys.caddy": `"Bearer ${KEY}" laptop\n`,
        "keys.map": `"Bearer ${KEY}" laptop;\n`,
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    it.each(
      AUTHS.flatMap((auth) =>
        TLS.filter((mode) => auth !== "mtls" || mode !== "none").map((mode) => [auth, mode] as const),
      ),
    )("auth %s with tls %s, in every variant", (auth, mode) => {
      for (const [i, variant] of VARIANTS.entries()) {
        if (!canHave(front, variant.cdnCidrs ?? [])) continue;
        accept(
          front,
          dir,
          `${auth}-${mode}-${i}`,
          configWith({
            rateLimit: { perMinute: 120, burst: 10 },
            deploy: {
              domain: "stt.example.com",
              ...variant,
              auth: { kind: auth },
              tls: { mode, email: "admin@example.com" },
            },
          }),
          "host",
        );
      }
    });

    it.each(SITUATIONS)("the situation %s, on the host and in compose", async (name) => {
      const text = readFileSync(new URL(name, goldens), "utf8");
      const file = join(dir, `${name}.yaml`);
      writeFileSync(file, text.slice(0, text.indexOf("\n----------\n") + 1));
      const { config } = await loadConfig({ file, env: {}, cwd: dir, machine: { cores: 16 } });
      if (!canHave(front, config.deploy.cdnCidrs)) return;
      accept(front, dir, `${name}-host`, config, "host");
      accept(front, dir, `${name}-compose`, config, "compose");
    });
  });
}

// ---

/** Caddy 2.6 cannot have a CDN in front: the renderer refuses it, a unit test says so. */
function canHave(front: ProxyFront, cdnCidrs: readonly string[]): boolean {
  return front.version !== "2.6.2" || cdnCidrs.length === 0;
}

/** Renders for the front, whatever the configuration asked for, and lets the program check its file. `dir` has certificates and secrets. */
function accept(
  front: ProxyFront,
  dir: string,
  name: string,
  config: ResolvedConfig,
  placement: "host" | "compose",
): void {
  const folder = join(dir, name);
  const sub = placement === "host" ? front.kind : `compose/${front.kind}`;
  const { deploy } = config;
  const adapted: ResolvedConfig = {
    ...config,
    deploy: {
      ...deploy,
      domain: deploy.domain ?? (deploy.tls.mode === "none" ? undefined : "stt.example.com"),
      secretsDir: dir,
      // nginx looks the name up when it reads the file.
      auth: { ...deploy.auth, forwardUrl: "http://127.0.0.1:9091/api/verify?a=b" },
      tls: {
        ...deploy.tls,
        certificateFile: join(dir, "server.pem"),
        privateKeyFile: join(dir, "server.key"),
        clientCaFile: join(dir, "clients-ca.pem"),
      },
      proxy: {
        kind: front.kind,
        version: front.version,
        opensslVersion: front.openssl || "3.0",
        configDir: join(folder, sub),
      },
    },
  };
  const render = (): ReturnType<typeof renderFiles> =>
    renderFiles(adapted, [placement === "host" ? front.kind : "compose"], {
      toolVersion: "0.0.0",
      configHash: "0".repeat(64),
    });
  const isOther = front.kind === "haproxy" || front.kind === "traefik";
  const refused = PROXY_RULES.some(({ check }) => check(adapted, { cores: 1 }) !== undefined);
  if (refused || (isOther && placement === "compose")) return expect(render).toThrow(/set deploy\./i);
  const files = render();
  for (const file of files.filter(({ path }) => path.startsWith(`${sub}/`))) {
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    const text = file.text
      .replaceAll(/\/(?:etc\/letsencrypt\/live\/[^/]+|run\/gigastt\/tls)\/fullchain\.pem/g, join(dir, "server.pem"))
      .replaceAll(/\/(?:etc\/letsencrypt\/live\/[^/]+|run\/gigastt\/tls)\/privkey\.pem/g, join(dir, "server.key"))
      .replaceAll(/\/run\/gigastt\/(?:tls|secrets)\//g, `${dir}/`)
      .replaceAll(/\/etc\/nginx\/gigastt/g, `${join(folder, sub)}/gigastt`)
      .replaceAll("/var/log/nginx/", `${folder}/`)
      // Not a file when it is the pipe of a test.
      .replaceAll(/\/dev\/std(?:err|out)/g, `${folder}/log`)
      .replaceAll(/\/tmp\/(?=nginx\.pid|client_body|proxy|fastcgi|uwsgi|scgi)/g, `${folder}/`)
      .replaceAll("/run/nginx.pid", `${folder}/nginx.pid`);
    writeFileSync(path, text);
  }
  const [program, ...argv] = [
    ...isolated,
    front.binary!,
    ...(front.kind === "caddy"
      ? ["validate", "--adapter", "caddyfile", "--config", join(folder, sub, "Caddyfile")]
      : front.kind === "haproxy"
        ? ["-c", "-f", join(folder, sub, "haproxy.cfg"), "-f", join(dir, "users.haproxy")]
        : ["-t", "-c", join(folder, sub, "nginx.conf")]),
  ];
  const result = spawnSync(program!, argv, {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: folder },
  });
  const output = `${result.stdout}${result.stderr}`;
  expect(result.status, output).toBe(0);
  if (front.kind === "haproxy") return expect(output).not.toMatch(/WARNING/);
  if (front.kind === "nginx") expect(output).not.toMatch(/\[warn\](?!.*"user" directive)/);
  else
    expect(output.replace(/[^\n]*Unnecessary header_up[^\n]*\n/g, "")).not.toMatch(
      /"level":"(?:warn|error)"(?!.*(?:not formatted|UDP|auto_https|automatic HTTPS|admin|strict SNI-Host|stapl))/,
    );
}
