import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openKeyStore } from "../../../src/store/keys.ts";
import type { KeyStore } from "../../../src/store/keys.ts";
import { CHROMIUM, NO_BROWSER, startBrowser, visit } from "../../support/browser.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));

// A server that needs keys, a real browser, and a page of an attacker on another port of the same machine: for cookies, the same site.
describe.skipIf(CHROMIUM === undefined)(`sign-in in Chromium${NO_BROWSER}`, () => {
  let dir: string;
  let keys: KeyStore;
  let server: TestServer;
  let browser: Browser;
  let attacker: Server;
  let attackerUrl: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-sign-in-"));
    keys = openKeyStore(join(dir, "keys.sqlite"));
    server = await startTestServer({
      config: { auth: { keys: "required" } },
      keyStore: openKeyStore(join(dir, "keys.sqlite")),
    });
    browser = await startBrowser({ microphone: SAMPLE });
    attacker = createServer((_req, res) =>
      res
        .writeHead(200, { "content-type": "text/html" })
        .end(`<!doctype html><title>win</title><iframe src="${server.url}/"></iframe>`),
    );
    await new Promise<void>((resolve) => attacker.listen(0, "127.0.0.1", resolve));
    attackerUrl = `http://127.0.0.1:${(attacker.address() as { port: number }).port}/`; // it listens on TCP
  });
  afterAll(async () => {
    await browser?.close();
    attacker?.close();
    await server?.close();
    keys?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function signInAt(page: Page, value: string): Promise<void> {
    await page.getByLabel("API key").fill(value);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  it("asks for a key, works with its cookie, and asks again when the key is revoked; what was begun goes on after it", async () => {
    const value = keys.create("laptop", { scopes: ["transcribe", "live"] }, Date.now()).reveal();
    const { page, context, complaints } = await visit(browser, `${server.url}/`);
    try {
      await signInAt(page, "gst_wrong");
      await page.getByText("This key is not valid.").waitFor();
      await signInAt(page, value);
      await page.getByText("laptop", { exact: true }).waitFor();
      const [cookie] = await context.cookies();
      expect(cookie).toMatchObject({
        name: expect.stringMatching(/^gigastt-\d+-\d+$/),
        httpOnly: true,
        sameSite: "Strict",
        path: "/",
      });
      expect(await page.evaluate("document.cookie + JSON.stringify(localStorage)")).not.toContain(cookie?.value);
      await page.setInputFiles("input[type=file]", [SAMPLE]);
      await expect.poll(() => page.locator('.file[data-stage="done"]').count()).toBe(1);
      await page.getByRole("link", { name: "Live" }).click();
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("Listening").waitFor();

      keys.revoke("laptop");
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      const next = keys.create("phone", { scopes: ["transcribe", "live"] }, Date.now()).reveal();
      await expect.poll(async () => (await fetchModels(next)).status).toBe(200);
      await signInAt(page, next);
      // The session that was open is opened again by itself.
      await page.getByText("Listening").waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      expect(await context.cookies()).toEqual([]);
      // The browser itself reports the refusals; the page's policy was never broken.
      expect(complaints.filter((text) => !/40[13]|WebSocket/.test(text))).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it("is of no use to a page on another port of the same host", async () => {
    const value = keys.create("victim", { scopes: ["transcribe", "live", "jobs", "admin"] }, Date.now()).reveal();
    await expect.poll(async () => (await fetchModels(value)).status).toBe(200);
    const { page, context } = await visit(browser, `${server.url}/`);
    try {
      await signInAt(page, value);
      await page.getByText("victim", { exact: true }).waitFor();
      const evil = await context.newPage();
      await evil.goto(attackerUrl);
      // Clickjacking: the frame stays empty.
      expect(await evil.frameLocator("iframe").locator("main").count()).toBe(0);
      const tries = await evil.evaluate(async (target) => {
        const outcome = async (work: Promise<unknown>): Promise<string> => {
          try {
            return String(await work);
          } catch {
            return "blocked";
          }
        };
        const post = (path: string, init: RequestInit) =>
          outcome(fetch(target + path, { method: "POST", credentials: "include", ...init }).then((a) => a.status));
        const socket = new Promise((resolve) => {
          const opened = new WebSocket(`${target.replace("http", "ws")}/v1/ws`);
          opened.addEventListener("open", () => resolve("open"));
          opened.addEventListener("error", () => resolve("blocked"));
        });
        return {
          read: await outcome(fetch(`${target}/console/session`, { credentials: "include" }).then((a) => a.text())),
          upload: await post("/v1/transcribe", {
            mode: "no-cors",
            body: "x",
            headers: { "content-type": "text/plain" },
          }),
          signOut: await outcome(
            fetch(`${target}/console/session`, { method: "DELETE", credentials: "include" }).then((a) => a.status),
          ),
          socket: await socket,
        };
      }, server.url);
      expect(tries).toEqual({ read: "blocked", upload: "0", signOut: "blocked", socket: "blocked" });
      const refused = server.lines.filter(({ route, status }) => route === "/v1/transcribe" && status === 401);
      expect(refused.length).toBeGreaterThan(0);
      // The victim is still signed in.
      await page.reload();
      await page.getByText("victim", { exact: true }).waitFor();
    } finally {
      await context.close();
    }
  });

  const fetchModels = (value: string): Promise<Response> =>
    fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${value}` } });
});
