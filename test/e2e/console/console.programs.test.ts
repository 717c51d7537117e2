import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine } from "../../../src/engine/engine.ts";
import { CHROMIUM, NO_BROWSER, faults, shoot, startBrowser, visit, type Visit } from "../../support/browser.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { DEMO_CONFIG, demoBundle } from "../../unit/engine/support.ts";
import { wavFile } from "../../../src/shared/wav.ts";
import { silentLogger } from "../../../src/shared/log.ts";

const sample = (n: number): string =>
  fileURLToPath(new URL(`../../../models/samples/sample_${n}.wav`, import.meta.url));
const SAID: readonly { text: string }[] = JSON.parse(
  readFileSync(new URL("../../../models/samples/samples.json", import.meta.url), "utf8"),
);

// The real server, the real model, a real browser; nothing between them.
describe.skipIf(CHROMIUM === undefined)(`the console in Chromium${NO_BROWSER}`, () => {
  let server: TestServer;
  let browser: Browser;
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-console-"));
    const engine = createEngine({ config: DEMO_CONFIG, bundle: await demoBundle("int8"), log: silentLogger });
    server = await startTestServer({ engine });
    browser = await startBrowser({ microphone: sample(1) });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** A visit that ends with nothing to complain about. */
  async function session(
    run: (visited: Visit) => Promise<void>,
    { path = "/", quiet = true, ...options }: Parameters<typeof visit>[2] & { path?: string; quiet?: boolean } = {},
  ): Promise<void> {
    const visited = await visit(browser, `${server.url}${path}`, options);
    try {
      await run(visited);
      if (quiet) expect(visited.complaints).toEqual([]);
    } finally {
      await visited.context.close();
    }
  }

  it("transcribes a file, plays from a word, edits, undoes, replaces, exports, and has it all after a reload", async () => {
    await session(async ({ page }) => {
      await upload(page, [sample(1)]);
      expect(await textOf(page)).toBe(SAID[0]?.text);
      await page.locator(".waveform canvas").first().waitFor({ state: "attached" });

      await page.getByRole("button", { name: "градуса", exact: true }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
      expect(await page.locator("input[type=range]").inputValue().then(Number)).toBeGreaterThan(1.5);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByLabel("Speed").selectOption("2");

      await page
        .getByRole("button", { name: /^Edit this paragraph/ })
        .first()
        .click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type(" <b>Ура</b>");
      await page.keyboard.press("Control+Enter");
      expect(await textOf(page)).toBe(`${SAID[0]?.text} <b>Ура</b>`);
      expect(await page.locator(".transcript b").count()).toBe(0);
      await page.getByRole("button", { name: "Undo" }).click();
      expect(await textOf(page)).toBe(SAID[0]?.text);
      await page.getByRole("button", { name: "Redo" }).click();

      await page.getByLabel("Find").fill("градус");
      await page.getByText("1 of 2").waitFor();
      await page.getByLabel("Replace with").fill("метр");
      await page.getByRole("button", { name: "Replace all" }).click();
      const edited = `${SAID[0]?.text.replaceAll("градус", "метр")} <b>Ура</b>`;
      expect(await textOf(page)).toBe(edited);

      expect(await download(page, "txt")).toBe(`${edited}\n`);
      expect(await download(page, "srt")).toContain(" --> ");
      expect(JSON.parse(await download(page, "json"))).toMatchObject({ text: edited });
      expect(await download(page, "html")).not.toContain("<b>");

      await page.reload();
      await page.getByRole("button", { name: "sample_1.wav", exact: true }).click();
      expect(await textOf(page)).toBe(edited);
      await page.locator(".waveform canvas").first().waitFor({ state: "attached" });
    });
  });

  it("tells the channels of a recording apart, by names that a person gives, also in what is downloaded and after an edit", async () => {
    const path = join(dir, "call.wav");
    writeFileSync(path, stereo(readFileSync(sample(1)), readFileSync(sample(3))));
    await session(async ({ page }) => {
      await page.getByLabel("Each channel is a speaker of its own").check();
      await upload(page, [path]);
      await expect.poll(() => page.locator(".speaker").allInnerTexts()).toContain("Channel 2");
      await page.getByLabel("Channel 1", { exact: true }).fill("Анна <b>");
      await page.getByLabel("Channel 2", { exact: true }).fill("Борис");
      await expect
        .poll(async () => new Set(await page.locator(".speaker").allInnerTexts()))
        .toEqual(new Set(["Анна <b>", "Борис"]));
      await page
        .getByRole("button", { name: /^Edit this paragraph/ })
        .first()
        .click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type(" Всё.");
      await page.keyboard.press("Control+Enter");
      const markdown = await download(page, "md");
      expect(markdown).toMatch(/## Анна .*b/);
      expect(markdown).toContain("## Борис");
      expect(await download(page, "srt")).toMatch(/\[Борис\] .*дождь/i);
      const { channels, duration } = JSON.parse(await download(page, "json")) as Record<string, unknown>; // as the server's own
      expect(channels).toHaveLength(2);
      expect(duration).toBeGreaterThan(1);
      await page.reload();
      await page.getByRole("button", { name: "call.wav", exact: true }).click();
      await page.locator(".speaker", { hasText: "Борис" }).first().waitFor();
      await page.locator(".waveform canvas").first().waitFor({ state: "attached" });
      await page.getByLabel("Each channel is a speaker of its own").uncheck();
      await shoot(page, "speakers");
    });
  });

  it("takes thirty files and leaves out the thirty-first; one is cancelled and retried, one is not audio", async () => {
    const files = Array.from({ length: 31 }, (_, index) => {
      const path = join(dir, `<img src=x onerror=alert(1)> ${index}.wav`);
      writeFileSync(path, index === 1 ? "Это не звук, а текст.\n".repeat(50) : readFileSync(sample((index % 4) + 1)));
      return path;
    });
    await session(
      async ({ page }) => {
        await page.setInputFiles("input[type=file]", files);
        await page.getByText("1 file was left out: the queue holds 30.").waitFor();
        const rows = page.locator(".file");
        await page
          .getByText(/^\d+\. in the queue$/)
          .first()
          .waitFor();
        await rows
          .nth(29)
          .getByRole("button", { name: /^Cancel/ })
          .click();
        await expect.poll(() => rows.nth(29).getAttribute("data-stage")).toBe("cancelled");
        await rows
          .nth(29)
          .getByRole("button", { name: /^Retry/ })
          .click();
        await expect.poll(() => page.locator('[data-stage="done"]').count(), { timeout: 60_000 }).toBe(29);
        expect(await rows.nth(1).getAttribute("data-stage")).toBe("failed");
        expect(await rows.nth(1).innerText()).toContain("the body is text");
        expect(await page.locator("img:not([alt=''])").count()).toBe(0);
        await rows.nth(2).locator(".file-name").click();
        await expect.poll(() => textOf(page)).toBe(SAID[2]?.text);
      },
      // Chromium itself reports the 415 of the file that is not audio.
      { quiet: false },
    );
  });

  it("writes what the microphone hears, survives a broken connection, and keeps the words", async () => {
    await session(
      async ({ page }) => {
        const said = page.locator(".live .said").first();
        await page.getByRole("button", { name: "Start" }).click();
        await page.getByText("Listening").waitFor();
        await expect.poll(() => page.locator(".live .partial").first().innerText()).toMatch(/\S/);
        await expect.poll(() => said.innerText()).toContain("Мурманске?");
        const before = (await said.locator("[role=log]").innerText()).trim();
        for (const peer of server.runtime.context.sessions) peer.terminate();
        await page.getByText("Reconnecting").waitFor();
        await page.getByText("Listening").waitFor();
        await expect.poll(() => said.locator("[role=log] p").count()).toBeGreaterThan(1);
        await page.getByRole("button", { name: "Stop" }).click();
        await page.getByRole("button", { name: "Start" }).waitFor();
        const after = (await said.locator("[role=log]").innerText()).trim();
        expect(after.startsWith(before)).toBe(true);
        await shoot(page, "live");
        expect(await download(page, "txt")).toContain("Мурманске?");
        await page.reload();
        await page.getByRole("link", { name: "Files" }).click();
        await page.getByRole("button", { name: /^Live session/ }).click();
        expect(await textOf(page)).toContain("Мурманске?");
      },
      { path: "/#/live" },
    );
  });

  it("repeats the paragraph that plays, and the one that is jumped to", async () => {
    await session(async ({ page }) => {
      await upload(page, [sample(1)]);
      const position = (): Promise<number> => page.locator("input[type=range]").inputValue().then(Number);
      await page.getByRole("button", { name: "Repeat the paragraph" }).click();
      await page.getByLabel("Speed").selectOption("2");
      await page.locator(".word").last().click();
      const late = await position();
      await expect.poll(position).toBeLessThan(late - 0.5);
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.getByRole("button", { name: "Repeat the paragraph", pressed: true }).click();
      await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    });
  });

  it("is walked through by keyboard", async () => {
    await session(async ({ page }) => {
      await upload(page, [sample(3)]);
      await page.locator(".word").first().focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("дождь");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.keyboard.press("Space");
      await page.getByRole("button", { name: "Play", exact: true }).waitFor();
      await page.keyboard.press("F2");
      await page.keyboard.type("Ну, ");
      await page.keyboard.press("Escape");
      expect(await textOf(page)).toContain("Ну,");
      await page.keyboard.press("Control+z");
      // The key is answered before the page is drawn again.
      await expect.poll(() => textOf(page)).toBe(SAID[2]?.text);
    });
  });

  it.each([
    ["light", "desktop", "en-US", { width: 1280, height: 800 }],
    ["dark", "desktop", "ru-RU", { width: 1280, height: 800 }],
    ["light", "phone", "ru-RU", { width: 360, height: 740 }],
    ["dark", "phone", "en-US", { width: 360, height: 740 }],
  ] as const)("has no fault that axe knows of: %s, on a %s, %s", async (colorScheme, device, locale, viewport) => {
    await session(
      async ({ page, complaints }) => {
        await upload(page, [sample(2)]);
        for (const path of ["/", "/#/live", "/#/status", "/#/api"]) {
          await page.goto(`${server.url}${path}`);
          if (path === "/") await page.locator(".file-name").first().click();
          await page.locator("main section").first().waitFor();
          if (path === "/") await page.locator(".waveform canvas").first().waitFor({ state: "attached" });
          await shoot(page, `${path.slice(3) || "files"}-${colorScheme}-${device}`);
          const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          expect(wider, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
          // Before axe, which tries a style of its own.
          expect(complaints.splice(0)).toEqual([]);
          expect(await faults(page), path).toEqual([]);
          complaints.length = 0;
        }
      },
      { colorScheme, viewport, locale },
    );
  });

  it("shows the numbers of the server on its own machine only", async () => {
    await session(
      async ({ page }) => {
        await page.getByText("State", { exact: true }).first().waitFor();
        expect(await page.locator("main").innerText()).toMatch(/Slots in use\s+0 \/ 4/);
      },
      { path: "/#/status" },
    );
    await session(
      async ({ page }) => {
        await page.getByText("The status is shown on the server's own computer only.").waitFor();
      },
      { path: "/#/status", quiet: false, extraHTTPHeaders: { "x-forwarded-for": "192.0.2.7" } },
    );
  });

  it("says why there is no microphone on a page without TLS", async () => {
    const elsewhere = await startBrowser({ microphone: sample(1), hosts: ["box"] });
    try {
      const { page } = await visit(elsewhere, `http://box:${server.port}/#/live`, { permissions: [] });
      await page.getByRole("heading", { name: "The microphone needs a secure page" }).waitFor();
      expect(await page.locator("main").innerText()).toContain("lan: true");
    } finally {
      await elsewhere.close();
    }
  });
});

/** Two mono WAV files as the channels of one. */
function stereo(...files: readonly Buffer[]): Uint8Array {
  const channels = files.map((bytes) => bytes.subarray(44));
  const frames = Math.max(...channels.map(({ length }) => length / 2));
  const pcm = new Int16Array(frames * channels.length);
  for (const [channel, bytes] of channels.entries())
    for (let at = 0; at < bytes.length / 2; at++) pcm[at * channels.length + channel] = bytes.readInt16LE(at * 2);
  const file = wavFile(pcm);
  const header = new DataView(file.buffer);
  header.setUint16(22, channels.length, true);
  header.setUint32(28, 16_000 * 2 * channels.length, true);
  header.setUint16(32, 2 * channels.length, true);
  return file;
}

async function upload(page: Page, files: readonly string[]): Promise<void> {
  await page.setInputFiles("input[type=file]", [...files]);
  await expect.poll(() => page.locator('.file[data-stage="done"]').count()).toBe(files.length);
  await page.locator(".word").first().waitFor();
}

/** Text of the transcript that is shown, without times and buttons. */
async function textOf(page: Page): Promise<string> {
  await page.locator(".word").first().waitFor();
  return (await page.locator(".word").allInnerTexts()).join(" ");
}

async function download(page: Page, format: string): Promise<string> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Download ${format}` }).click(),
  ]);
  return readFileSync(await file.path(), "utf8");
}
