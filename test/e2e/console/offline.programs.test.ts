import { describe, expect, it } from "vitest";
import { CHROMIUM, consoleInBrowser, keepTranscripts, NO_BROWSER, visit } from "../../support/browser.ts";

describe.skipIf(CHROMIUM === undefined)(`the page without its server in Chromium${NO_BROWSER}`, () => {
  const ground = consoleInBrowser();

  it("opens with the transcripts of this browser, says that the server is away, and keeps no answer of its routes", async () => {
    const { page, context, complaints } = await visit(ground.browser, ground.server.url);
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
      expect((kept as string[]).filter((path) => path !== "/" && !/^\/console\/[\w.-]+$/.test(path))).toEqual([]);

      await ground.server.close();
      await page.reload();
      await page.locator(".file-name").first().click();
      expect(await page.locator(".word").allInnerTexts()).toEqual(["Привет"]);
      await page.getByText("The server does not answer.").waitFor();
    } finally {
      await context.close();
    }
  });
});
