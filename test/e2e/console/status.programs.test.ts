import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chartsPage } from "../../../src/cli/pages/charts-page.ts";
import type { Chart } from "../../../src/shared/chart.ts";
import type { Sample } from "../../../src/supervisor/state/series.ts";
import { CHROMIUM, NO_BROWSER, faults, shoot, startBrowser, visit } from "../../support/browser.ts";
import { createRealPlace, type RealPlace } from "../supervisor/real-place.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));
const config = (queue: number, stateDir: string): string =>
  `server:\n  port: 0\nshutdown:\n  drain: 3s\npool:\n  queue: ${queue}\nsupervisor:\n  stateDir: ${stateDir}\n  watchConfig: false\n  healthInterval: 1s\n  healthTimeout: 1s\n  eventCommand: ["true", "<img src=x onerror=alert(1)>"]\n`;

// The whole appliance, a real browser, and nothing between them.
describe.skipIf(CHROMIUM === undefined)(`the status page in Chromium${NO_BROWSER}`, () => {
  let place: RealPlace;
  let browser: Browser;
  let url: string;
  beforeAll(async () => {
    place = createRealPlace("");
    place.writeConfig(config(3, place.stateDir));
    writeHistory(join(place.stateDir, "history"), Date.now());
    writeFileSync(join(place.dir, "Caddyfile"), "localhost {\n\treverse_proxy 127.0.0.1:1\n}\n");
    url = await place.up();
    // It finds something, and says so with its exit code.
    await place.gigastt("audit", ".").catch(() => {});
    browser = await startBrowser({ microphone: SAMPLE });
  });
  afterAll(async () => {
    await browser?.close();
    await place?.cleanUp();
  });

  const open = async (options: Parameters<typeof visit>[2] = {}) => {
    const visited = await visit(browser, `${url}/#/status`, options);
    await visited.page.locator(".chart canvas").nth(7).waitFor({ state: "attached" });
    return visited;
  };
  const fold = (page: Page, title: string) => page.locator("summary", { hasText: title }).click();
  const queueInForce = async (): Promise<unknown> => {
    const { pool_total: _total, ...ready } = (await (await fetch(`${url}/console/supervisor/config`)).json()) as {
      pool_total?: number;
      values: { key: string; value: unknown; from: string }[];
    }; // our own server's
    return ready.values.find(({ key }) => key === "pool.queue");
  };

  it("draws the figures of an hour and of a month, and says them in words", async () => {
    const { page, context, complaints } = await open();
    try {
      const label = (title: string) =>
        page.locator(`.chart [role=img][aria-label^="${title}."]`).getAttribute("aria-label");
      expect(await label("Memory")).toMatch(/^Memory\. Last: \d+, highest: \d+\.$/);
      await page.getByLabel("Period").selectOption("30d");
      await expect.poll(() => label("Latency, 95 %")).toBe("Latency, 95 %. Last: 400, highest: 900.");
      await expect.poll(() => label("Restarts")).toMatch(/highest: 1\.$/);
      const plot = page.locator(".chart .u-over").first();
      await plot.hover({ position: { x: 60, y: 60 } });
      await expect.poll(() => page.locator(".chart output").first().innerText()).toMatch(/^\d+\/\d+\/\d+.*: \d+$/);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it("shows issues with their cures, the audit by file, the origin of each setting, and the log with its filters", async () => {
    const { page, context, complaints } = await open();
    try {
      await page.locator(".notice", { hasText: "gigastt models pull" }).first().waitFor();
      await fold(page, "Last audit");
      await page.getByRole("heading", { name: "Caddyfile" }).waitFor();
      expect(await page.locator(".findings li").count()).toBeGreaterThan(0);
      await fold(page, "Configuration");
      const row = page.locator("tr", { has: page.getByRole("rowheader", { name: "pool.queue" }) });
      expect(await row.innerText()).toMatch(/3\s+.*gigastt\.config\.yaml:6:10/);
      expect(await page.getByRole("rowheader", { name: "pool.size" }).count()).toBe(0);
      await page.getByLabel("Show defaults, too").check();
      await page.getByRole("rowheader", { name: "pool.size" }).waitFor();
      await fold(page, "Log");
      await page.getByLabel("Contains").fill("LISTENING");
      await expect
        .poll(() => page.locator(".log p").allInnerTexts())
        .toEqual([expect.stringMatching(/info runtime listening/)]);
      await page.locator(".fold select").first().selectOption("supervisor");
      await page.getByText("No lines match.").waitFor();
      await page.getByLabel("Contains").fill("");
      await page.locator(".log p", { hasText: "supervisor" }).first().waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it("draws the same charts in a file of its own, which loads nothing", async () => {
    const file = join(place.dir, "status.html");
    await place.gigastt("status", "--html", file);
    const hostile: Chart = {
      title: "</script><b>bold",
      unit: "×",
      digits: 1,
      kind: "bars",
      at: ["5 s", "<img src=x>"],
      values: [1, null],
      summary: "<b>",
    };
    writeFileSync(join(place.dir, "bars.html"), chartsPage("<i>", [{ title: "<b>", charts: [hostile] }]));
    for (const [name, charts] of [
      ["status.html", 8],
      ["bars.html", 1],
    ] as const) {
      const { page, context, complaints } = await visit(browser, `file://${join(place.dir, name)}`);
      try {
        await page
          .locator(".chart canvas")
          .nth(charts - 1)
          .waitFor({ state: "attached" });
        expect(await page.locator("b, i, img").count()).toBe(0);
        expect(complaints).toEqual([]);
      } finally {
        await context.close();
      }
    }
  });

  it("reloads, rolls back and restarts by keyboard after a second look; a live session goes on through the restart", async () => {
    const live = await visit(browser, `${url}/#/live`);
    const { page, context, complaints } = await open();
    /** With focus, Enter, a look, and Tab to the button that does it. */
    const operate = async (name: string): Promise<void> => {
      await page.getByRole("button", { name, exact: true }).first().focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Cancel" }).waitFor();
      await page.keyboard.press("Escape");
      await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe(name);
      await page.keyboard.press("Enter");
      await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe("Cancel");
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Enter");
    };
    try {
      await live.page.getByRole("button", { name: "Start" }).click();
      await expect.poll(() => live.page.locator(".live .said").first().innerText()).toContain("Мурманске?");

      place.writeConfig(config(5, place.stateDir));
      await operate("Reload configuration");
      await page.getByText(/^Reload configuration: done at/).waitFor();
      expect(await queueInForce()).toMatchObject({ value: 5 });

      place.writeConfig("pool: { queue: many }\n");
      await operate("Reload configuration");
      await page.locator("pre.notice", { hasText: "gigastt.config.yaml:1:16" }).waitFor();
      expect(await queueInForce()).toMatchObject({ value: 5 });

      await operate("Roll back configuration");
      await page.getByText(/^Roll back configuration: done at/).waitFor();
      expect(readFileSync(join(place.dir, "gigastt.config.yaml"), "utf8")).toBe(config(5, place.stateDir));

      const before = (await place.status()).processes[0]?.pid;
      await operate("Restart");
      await page.getByText(/^Restart: done at/).waitFor({ timeout: 60_000 });
      expect((await place.status()).processes[0]?.pid).not.toBe(before);

      const said = live.page.locator(".live .said [role=log] p");
      const heard = await said.count();
      await expect.poll(() => said.count(), { timeout: 30_000 }).toBeGreaterThan(heard);
      expect(await said.first().innerText()).toContain("Мурманске?");
      // Chromium itself reports connections that the old process closes.
      expect(complaints.filter((text) => !/ERR_|WebSocket/.test(text))).toEqual([]);
    } finally {
      await context.close();
      await live.context.close();
    }
  });

  it.each([
    ["light", "desktop", "en-US", { width: 1280, height: 900 }],
    ["dark", "desktop", "ru-RU", { width: 1280, height: 900 }],
    ["light", "phone", "ru-RU", { width: 360, height: 740 }],
    ["dark", "phone", "en-US", { width: 360, height: 740 }],
  ] as const)("has no fault that axe knows of: %s, on a %s, %s", async (colorScheme, device, locale, viewport) => {
    const { page, context, complaints } = await open({ colorScheme, locale, viewport });
    try {
      const week = page.waitForResponse(/range=7d/);
      await page.locator(".status select").first().selectOption("7d");
      await (await week).finished();
      await expect
        .poll(() => page.locator('.chart [aria-label^="Latency"], .chart [aria-label^="Задержка"]').count())
        .toBe(1);
      await page.evaluate("document.querySelector('#history-title').scrollIntoView()");
      await shoot(page, `status-charts-${colorScheme}-${device}`);
      for (const summary of await page.locator(".fold summary").all()) await summary.click();
      await page.locator(".log p").first().waitFor();
      await page.locator(".findings li").first().waitFor();
      await page.locator("[data-operation=restart]").click();
      await shoot(page, `status-all-${colorScheme}-${device}`, { fullPage: true });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      expect(await faults(page)).toEqual([]);
    } finally {
      await context.close();
    }
  });
});

// ---

/** A month with a working day in each day, one slow hour and one crash. */
function writeHistory(dir: string, nowMs: number): void {
  const at = (agoMs: number): Sample => {
    const when = new Date(nowMs - agoMs);
    const load = Math.max(0, Math.sin(((when.getUTCHours() - 6) / 12) * Math.PI));
    return {
      at: when.toISOString(),
      sessions: Math.round(3 * load),
      waiting: Math.round(2 * load * load),
      requests: Math.round(400 * load),
      failures: 0,
      p95Ms: agoMs > 9.9 * DAY_MS && agoMs < 10 * DAY_MS ? 900 : 400,
      realTimeFactor: 0.05 + 0.01 * load,
      rssBytes: Math.round((400 + 60 * load) * 2 ** 20),
      restarts: agoMs >= 5 * DAY_MS && agoMs < 5 * DAY_MS + 1_800_000 ? 1 : 0,
    };
  };
  const write = (kind: string, name: string, samples: readonly Sample[]): void => {
    mkdirSync(join(dir, kind), { recursive: true });
    writeFileSync(join(dir, kind, name), JSON.stringify(samples));
  };
  const byName = (samples: readonly Sample[], length: number): Map<string, Sample[]> => {
    const names = new Map<string, Sample[]>();
    for (const sample of samples) {
      const name = sample.at.slice(0, length);
      names.set(name, [...(names.get(name) ?? []), sample]);
    }
    return names;
  };
  const spans = Array.from({ length: 29 * 48 }, (_, index) => at((index + 4) * 1_800_000)).reverse();
  for (const [day, list] of byName(spans, 10)) write("spans", day, list);
  const minutes = Array.from({ length: 100 }, (_, index) => at((index + 1) * 60_000)).reverse();
  for (const [hour, list] of byName(minutes, 13)) write("samples", hour, list);
}

const DAY_MS = 86_400_000;
