import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import type { Transcript } from "../../src/console/data/document.ts";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { startTestServer, type TestServer } from "./runtime-server.ts";

/** The browser of this machine, and why there is none. */
export const CHROMIUM: string | undefined = ["chromium", "chromium-browser", "google-chrome"].map(onPath).find(Boolean);
export const NO_BROWSER: string = CHROMIUM === undefined ? " (skipped: chromium is not installed)" : "";

/** Starts Chromium with a microphone that says what a WAV file holds, over and over, and that resolves `hosts` to this machine. */
export function startBrowser(options: { microphone: string; hosts?: readonly string[] }): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM!,
    args: [
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${options.microphone}`,
      "--autoplay-policy=no-user-gesture-required",
      ...(options.hosts ?? []).map((host) => `--host-resolver-rules=MAP ${host} 127.0.0.1`),
    ],
  });
}

/** A server as it is by default, and a browser, for all tests of a suite. */
export function consoleInBrowser(): { readonly server: TestServer; readonly browser: Browser } {
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
  return {
    get server() {
      return server;
    },
    get browser() {
      return browser;
    },
  };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained about so far: errors, refused resources, broken policies. */
  readonly complaints: string[];
}

/** Opens a page in a profile of its own. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: "en-US", permissions: ["microphone"], ...options });
  const complaints: string[] = [];
  await context.addInitScript(
    'addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))',
  );
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, context, complaints };
}

/** Replaces the transcripts that the browser keeps. */
export async function keepTranscripts(page: Page, transcripts: readonly Transcript[]): Promise<void> {
  await page.evaluate(`new Promise((resolve, reject) => {
    const opened = indexedDB.open("gigastt", 1);
    opened.onerror = () => reject(opened.error);
    opened.onsuccess = () => {
      const change = opened.result.transaction("transcripts", "readwrite");
      const kept = change.objectStore("transcripts");
      kept.clear();
      for (const transcript of ${JSON.stringify(transcripts)}) kept.put(transcript);
      change.oncomplete = () => {
        opened.result.close();
        resolve();
      };
    };
  })`);
}

/** Returns the faults of the page that axe knows of. */
export async function faults(page: Page): Promise<unknown> {
  // Not by a script element: the page's policy refuses it.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(
          options: unknown,
        ): Promise<{ violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[] }>;
      };
    }; // set by the line above
    const { violations } = await axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ target, failureSummary }) => [target, failureSummary]),
    }));
  });
}

/** Takes a picture for a look by eye and for the docs: GIGASTT_SCREENSHOTS=FOLDER. */
export async function shoot(page: Page, name: string, options: { fullPage?: boolean } = {}): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), ...options });
}

// ---

const SHOTS = process.env["GIGASTT_SCREENSHOTS"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SAMPLE = fileURLToPath(new URL("../../models/samples/sample_1.wav", import.meta.url));

function onPath(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      continue;
    }
  }
  return undefined;
}
