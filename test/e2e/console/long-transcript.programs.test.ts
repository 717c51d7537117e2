import { describe, expect, it } from "vitest";
import type { Transcript } from "../../../src/console/data/document.ts";
import { CHROMIUM, consoleInBrowser, keepTranscripts, NO_BROWSER, visit } from "../../support/browser.ts";

const PARAGRAPHS = 1800;
const WORDS_EACH = 14;
/** Three hours, 25 200 words. */
const LECTURE: Transcript = {
  id: "lecture",
  name: "lecture.wav",
  addedMs: 1,
  durationS: PARAGRAPHS * 6,
  paragraphs: Array.from({ length: PARAGRAPHS }, (_, id) => ({
    id,
    words: Array.from({ length: WORDS_EACH }, (__, at) => ({
      word: id === PARAGRAPHS - 1 && at === WORDS_EACH - 1 ? "конец" : `слово${id}`,
      start: id * 6 + at * 0.4,
      end: id * 6 + at * 0.4 + 0.3,
    })),
  })),
  warnings: [],
};

describe.skipIf(CHROMIUM === undefined)(`a transcript of three hours in Chromium${NO_BROWSER}`, () => {
  const ground = consoleInBrowser();

  it("has words near the window only, and all of it for reading, searching and keys", async () => {
    const { page, context, complaints } = await visit(ground.browser, ground.server.url);
    try {
      await keepTranscripts(page, [LECTURE]);
      await page.reload();
      await page.locator(".file-name").first().click();
      await page.locator(".word").first().waitFor();
      expect(await page.locator(".paragraph").count()).toBe(PARAGRAPHS);
      const words = (): Promise<number> => page.locator(".word").count();
      expect(await words()).toBeLessThan(2000);
      expect(await page.locator(".paragraph").nth(900).locator("p").textContent()).toContain("слово900 слово900");

      // The last word by key, by scrolling and by search.
      await page.locator(".word").first().focus();
      await page.keyboard.press("End");
      await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe("конец");
      await page.keyboard.press("Home");
      await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe("слово0");
      await page.locator(".paragraph").nth(900).scrollIntoViewIfNeeded();
      await page.locator("#w900-0").waitFor();
      await expect.poll(words).toBeLessThan(2000);
      await page.getByLabel("Find").fill("конец");
      await page.getByText("1 of 1").waitFor();
      await page.getByLabel("Find").press("Enter");
      await expect.poll(() => page.locator(".word.current").innerText()).toBe("конец");

      // Words that were changed by search far away from the window.
      await page.getByLabel("Replace with").fill("финал");
      await page.getByRole("button", { name: "Replace all" }).click();
      await expect.poll(() => page.locator(".paragraph").last().locator("p").textContent()).toContain("финал");

      const session = await context.newCDPSession(page);
      await session.send("Performance.enable");
      const { metrics } = await session.send("Performance.getMetrics");
      const metric = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Infinity;
      process.stdout.write(
        `three hours: ${metric("Nodes")} nodes, ${Math.round(metric("JSHeapUsedSize") / 1e6)} MB of JavaScript heap\n`,
      );
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });
});
