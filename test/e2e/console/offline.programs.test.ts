import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, keepTranscripts, NO_BROWSER, startBrowser, visit } from "../../support/browser.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));

describe.skipIf(CHROMIUM === undefined)(`the page without its server in Chromium${NO_BROWSER}`, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await startTestServer();
    browser = await startBrowser({ microphone: SAMPLE });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it("opens with the transcripts of this browser, says that the server is away, and keeps no answer of its routes", async () => {
    const { page, context, complaints } = await visit(browser, server.url);
    try {
      await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
      const word = { word: "Привет", start: 0, end: 1 };
      await keepTranscripts(page, [
        { id: "a", name: "a.wav", addedMs: 1, durationS: 1, paragraphs: [{ id: 1, words: [word] }], warnings: [] },
      ]);
      // The worker takes part from the second visit on.
      await page.reload();
      await page.locator(".file-name").first().waitFor();
      expect(complaints).toEqual([]);
      const kept = await page.evaluate(
        "caches.open('gigastt').then((all) => all.keys()).then((keys) => keys.map(({ url }) => new URL(url).pathname))",
      );
      expect(kept).toEqual(expect.arrayContaining(["/", "/console/app.js", "/console/style.css"]));
      expect((kept as string[]).filter((path) => path !== "/" && !/^\/console\/[\w.]+$/.test(path))).toEqual([]);

      await server.close();
      await page.reload();
      await page.locator(".file-name").first().click();
      expect(await page.locator(".word").allInnerTexts()).toEqual(["Привет"]);
      await page.getByText("The server does not answer.").waitFor();
    } finally {
      await context.close();
    }
  });
});
