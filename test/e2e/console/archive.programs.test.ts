import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqliteArchive } from "../../../src/store/archive/sqlite/open.ts";
import { entryOf } from "../../contract/archive-store.ts";
import { CHROMIUM, NO_BROWSER, startBrowser, visit } from "../../support/browser.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE = '<img src=x onerror="document.title=1">';

// A server with sixty transcripts, and a real browser.
describe.skipIf(CHROMIUM === undefined)(`the archive in Chromium${NO_BROWSER}`, () => {
  let dir: string;
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-archive-page-"));
    const store = openSqliteArchive(join(dir, "archive.sqlite"));
    for (let n = 0; n < 60; n++) {
      const text = `${"раз два три. ".repeat(400)}${n === 7 ? `Мы были на кухнях ${HOSTILE.replaceAll(" ", "\u00a0")} вчера. ` : ""}Конец.`;
      store.add(entryOf(text, { createdMs: Date.UTC(2026, 0, 1, n), title: n === 7 ? HOSTILE : `Запись ${n}` }));
    }
    store.close();
    server = await startTestServer({
      archiveDir: dir,
      config: { archive: { enabled: true, shared: true }, rateLimit: { perMinute: 0 } },
    });
    browser = await startBrowser({ microphone: SAMPLE });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("finds a word in another form by keyboard alone, opens the transcript at it, and deletes it", async () => {
    const { page, context, complaints } = await visit(browser, `${server.url}/#/archive`);
    try {
      await page.getByText("Запись 59").waitFor();
      expect(await page.locator(".archive-list > li").count()).toBe(50);
      await page.getByRole("button", { name: "Older ones" }).click();
      await page.getByText("Запись 0", { exact: true }).waitFor();
      expect(await page.locator(".archive-list > li").count()).toBe(60);

      await page.getByRole("searchbox").focus();
      await page.keyboard.type("кухня");
      await page.keyboard.press("Enter");
      await page.locator(".archive-hit mark", { hasText: "кухнях" }).waitFor();
      expect(await page.locator(".archive-list > li").count()).toBe(1);
      await page.locator(".archive-hit").focus();
      await page.keyboard.press("Enter");
      const word = page.locator("mark", { hasText: "кухнях" });
      await word.waitFor();
      await expect.poll(() => word.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
      const box = await word.boundingBox();
      expect(box!.y).toBeGreaterThanOrEqual(0);
      expect(box!.y).toBeLessThan(page.viewportSize()!.height);
      expect(await page.title()).toContain("gigastt");
      expect(await page.locator("img[src=x]").count()).toBe(0);

      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Download srt" }).click();
      expect((await download).suggestedFilename()).toBe("transcript.srt");
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByRole("button", { name: "Remove for good" }).click();
      await page.getByRole("searchbox").waitFor();
      expect(await page.locator(".archive-list > li").count()).toBe(0);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it.each(["en-US", "ru-RU"])("has no fault that axe knows of, as a list and as a transcript: %s", async (locale) => {
    const { page, context } = await visit(browser, `${server.url}/#/archive`, { locale });
    try {
      const faults = async (): Promise<unknown> => {
        await page.evaluate(AXE);
        return page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html]))",
        );
      };
      await page.getByText("Запись 59").waitFor();
      await page.getByRole("searchbox").fill("«раз два»");
      await page.keyboard.press("Enter");
      await page.locator(".archive-hit").first().waitFor();
      expect(await faults()).toEqual([]);
      await page.locator(".archive-hit").first().click();
      await page.locator(".archive-paragraph").first().waitFor();
      expect(await faults()).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it("says how the archive is turned on where it is off", async () => {
    const off = await startTestServer();
    const { page, context } = await visit(browser, `${off.url}/#/archive`);
    try {
      await page.getByText("The archive is off.").waitFor();
    } finally {
      await context.close();
      await off.close();
    }
  });
});
