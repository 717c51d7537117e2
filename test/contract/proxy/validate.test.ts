import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/cli/deploy/pki.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { configWith, type DeployOverrides } from "../../unit/render/base-config.ts";
import { describeFront } from "./cases.ts";
import { FRONTS, KEY } from "./front.ts";

const AUTHS = ["none", "basic", "keys", "forward", "mtls"] as const;
const TLS = ["acme", "internal", "files", "none"] as const;
const VARIANTS: readonly DeployOverrides[] = [
  {},
  { publicPaths: [], console: true },
  {
    publicPaths: ["/health", "/ready", "/v1/ws", "/v1/transcribe/stream", "/"],
    privacy: "standard",
    limiter: "proxy",
    httpPort: 8080,
    httpsPort: 8443,
  },
  { cdnCidrs: ["203.0.113.0/24", "2001:db8::/32"] },
];

// The proxy's own check over everything that changes the shape of its file.
for (const front of FRONTS) {
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
        if (front.version === "2.6.2" && variant.cdnCidrs !== undefined) continue; // refused by the renderer: a unit test says so
        const folder = join(dir, `${auth}-${mode}-${i}`);
        const config = configWith({
          rateLimit: { perMinute: 120, burst: 10 },
          deploy: {
            domain: "stt.example.com",
            ...variant,
            secretsDir: dir,
            auth: { kind: auth, forwardUrl: "http://127.0.0.1:9091/api/verify?a=b" },
            tls: {
              mode,
              email: "admin@example.com",
              certificateFile: join(dir, "server.pem"),
              privateKeyFile: join(dir, "server.key"),
              clientCaFile: join(dir, "clients-ca.pem"),
            },
            proxy: { kind: front.kind, version: front.version, configDir: join(folder, front.kind) },
          },
        });
        for (const file of renderFiles(config, [front.kind], { toolVersion: "0.0.0", configHash: "0".repeat(64) })) {
          const path = join(folder, file.path);
          mkdirSync(dirname(path), { recursive: true });
          const text = file.text
            .replace(/\/etc\/letsencrypt\/live\/[^/]+\/fullchain\.pem/, join(dir, "server.pem"))
            .replace(/\/etc\/letsencrypt\/live\/[^/]+\/privkey\.pem/, join(dir, "server.key"))
            .replaceAll("/var/log/nginx/", `${folder}/`)
            .replaceAll("/run/nginx.pid", `${folder}/nginx.pid`);
          writeFileSync(path, text);
        }
        const argv =
          front.kind === "caddy"
            ? ["validate", "--adapter", "caddyfile", "--config", join(folder, "caddy", "Caddyfile")]
            : ["-t", "-c", join(folder, "nginx", "nginx.conf")];
        const result = spawnSync(front.binary!, argv, {
          encoding: "utf8",
          env: { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: folder },
        });
        const output = `${result.stdout}${result.stderr}`;
        expect(result.status, output).toBe(0);
        if (front.kind === "nginx") expect(output).not.toMatch(/\[warn\](?!.*"user" directive)/);
        else
          expect(output.replace(/[^\n]*Unnecessary header_up[^\n]*\n/g, "")).not.toMatch(
            /"level":"(?:warn|error)"(?!.*(?:not formatted|UDP|auto_https|automatic HTTPS|admin|strict SNI-Host|stapl))/,
          );
      }
    });
  });
}
