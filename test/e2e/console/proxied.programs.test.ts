import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engine/engine.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { CHROMIUM, NO_BROWSER, startBrowser, visit } from "../../support/browser.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import {
  DOMAIN,
  FRONTS,
  PASSWORD,
  freePorts,
  servedAsDomain,
  startFront,
  startProxy,
} from "../../contract/proxy/front.ts";
import { BASIC } from "../../contract/proxy/cases.ts";
import { askFront } from "../../contract/proxy/http-client.ts";
import { DEMO_CONFIG, demoBundle } from "../../unit/engine/support.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));

// The page behind the proxies that gigastt renders, with a password, and below a path of another one.
describe.skipIf(CHROMIUM === undefined)(`the console behind proxies${NO_BROWSER}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    const engine = createEngine({ config: DEMO_CONFIG, bundle: await demoBundle("int8"), log: silentLogger });
    server = await startTestServer({
      engine,
      config: servedAsDomain({ server: { ...DEMO_CONFIG.server, trustedProxies: ["127.0.0.1/32"] } }),
    });
    browser = await startBrowser({ microphone: SAMPLE, hosts: [DOMAIN] });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** A file and the microphone, with nothing that the page or the policy complains about; no status through a proxy. */
  async function works(url: string, options: BrowserContextOptions): Promise<void> {
    const { current } = server.runtime.context.settings;
    const origin = new URL(url).origin;
    server.runtime.reload({ ...current, server: { ...current.server, allowedOrigins: [origin] } });
    const { page, context, complaints } = await visit(browser, url, { ignoreHTTPSErrors: true, ...options });
    try {
      await page.setInputFiles("input[type=file]", [SAMPLE]);
      await expect.poll(() => page.locator('.file[data-stage="done"]').count()).toBe(1);
      await expect.poll(() => page.locator(".word").allInnerTexts()).toContain("Мурманске?");
      await page.locator(".waveform canvas").first().waitFor({ state: "attached" });
      await page.getByRole("link", { name: "Live" }).click();
      await page.getByRole("button", { name: "Start" }).click();
      await expect.poll(() => page.locator(".live .said").first().innerText()).toContain("Мурманске?");
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByRole("button", { name: "Start" }).waitFor();
      await page.getByRole("link", { name: "API" }).click();
      await page.getByText(`${url}v1/transcribe"`).first().waitFor();
      // Chromium runs no service worker with a certificate that it does not trust, and says so.
      expect(complaints.filter((text) => !text.includes("SSL certificate error"))).toEqual([]);
      await page.getByRole("link", { name: "Status" }).click();
      await page.getByText("The status is shown on the server's own computer only.").waitFor();
    } finally {
      await context.close();
    }
  }

  for (const front of FRONTS.filter(({ name }) => ["Caddy 2.11", "Caddy 2.6", "nginx 1.22"].includes(name))) {
    const reason = front.missing === undefined ? "" : ` (skipped: ${front.missing})`;
    it.skipIf(front.missing !== undefined)(`works behind ${front.name} with a password${reason}`, async () => {
      const running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } });
      try {
        await works(`https://${DOMAIN}:${running.httpsPort}/`, {
          httpCredentials: { username: "anna", password: PASSWORD },
        });
        const own = await askFront(running, "/", { headers: [BASIC] });
        expect(own.headers["content-security-policy"]).toMatch(
          /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[^']{20,}';/,
        );
        expect(own.headers["permissions-policy"]).toContain("microphone=(self)");
        const refused = await askFront(running, "/");
        expect(refused.status).toBe(401);
        expect(refused.headers["content-security-policy"]).toMatch(/^default-src 'none'; base-uri 'none';/);
      } finally {
        await running.stop();
      }
    });
  }

  it("works in a frame of the same origin, as Home Assistant shows it to its users", async () => {
    const { current } = server.runtime.context.settings;
    server.runtime.reload({ ...current, server: { ...current.server, ingressFrom: ["127.0.0.1/32"] } });
    const ingress = "/api/hassio_ingress/token/";
    const home = createServer((req, res) => {
      if (req.url?.startsWith(ingress) !== true) {
        res.setHeader("content-type", "text/html");
        res.end(`<!doctype html><title>home</title><iframe src="${ingress}" width="1000" height="700"></iframe>`);
        return;
      }
      const headers = { ...req.headers, "x-forwarded-for": "192.0.2.7", "x-ingress-path": ingress.slice(0, -1) };
      const path = req.url.slice(ingress.length - 1);
      const upstream = forward({ port: server.port, method: req.method, path, headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      req.pipe(upstream);
    }).listen(0, "127.0.0.1");
    await once(home, "listening");
    const { port } = home.address() as AddressInfo; // a TCP server
    const { page, context, complaints } = await visit(browser, `http://127.0.0.1:${port}/`);
    try {
      const frame = page.frameLocator("iframe");
      await frame.locator("input[type=file]").setInputFiles([SAMPLE]);
      await expect.poll(() => frame.locator(".word").allInnerTexts()).toContain("Мурманске?");
      await frame.getByRole("link", { name: "Status" }).click();
      await frame.getByText("0.0.0-test").first().waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
      home.closeAllConnections();
      home.close();
      server.runtime.reload(current);
    }
  });

  const caddy = FRONTS.find(({ name }) => name === "Caddy 2.6");
  it.skipIf(caddy?.missing !== undefined)("works below a path", async () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-path-"));
    const [port] = await freePorts(1);
    writeFileSync(
      join(dir, "Caddyfile"),
      `{\n\tadmin unix//${join(dir, "admin.sock")}\n\tauto_https off\n}\nhttp://127.0.0.1:${port} {\n\thandle_path /speech/* {\n\t\treverse_proxy 127.0.0.1:${server.port}\n\t}\n}\n`,
    );
    const proxy = startProxy(caddy!, join(dir, "Caddyfile"), dir);
    try {
      await proxy.ready(port!);
      await works(`http://127.0.0.1:${port}/speech/`, {});
    } finally {
      await proxy.leashed.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
