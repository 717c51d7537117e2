// What the console costs the browser: compressed size, first paint and first use on a processor four times slower, memory of a tab with a transcript
// of three hours, and tasks that block it while words stream in. A real Chromium, the real server, a fake microphone. --write puts it into console-page.md.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { atMost, report } from "./_lib.js";

const SLOWER = 4;
const ROUNDS = 5;
const STREAM_S = 20;
const PARAGRAPHS = 1800;
const cli = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const bundle = fileURLToPath(new URL("../../dist/console/", import.meta.url));
const sample = fileURLToPath(new URL("../../models/samples/sample_1.wav", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-page-"));
const env = { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data") };
const gigastt = (...args) =>
  promisify(execFile)(process.execPath, [cli, ...args, "--state-dir", join(dir, "state")], { cwd: dir, env });

const rows = [];
const told = (name, value, unit, limit) => {
  report(name, value, unit, ...(limit === undefined ? [] : [atMost(limit)]));
  const figure = value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  rows.push(`| ${name} | ${figure} ${unit} | ${limit === undefined ? "" : `${limit} ${unit}`} |`);
};
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const sizes = readdirSync(bundle).filter((name) => name.endsWith(".br"));
const kilobytes = (names) => names.reduce((sum, name) => sum + statSync(join(bundle, name)).size, 0) / 1000;
told("all files, brotli", kilobytes(sizes), "KB", 120);
told("of them with the first page", kilobytes(sizes.filter((name) => /^(?:app|style)\./.test(name))), "KB");
told("of them with the first chart", kilobytes(sizes.filter((name) => name.startsWith("charts"))), "KB");

let browser;
try {
  writeFileSync(join(dir, "gigastt.config.yaml"), "server:\n  port: 0\n");
  const url = /http:\/\/[^\s,]+/.exec((await gigastt("up", "--detach")).stdout)[0];
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${sample}`,
    ],
  });
  await firstLook(url);
  await threeHours(url);
  await streaming(url);
} finally {
  await browser?.close();
  await gigastt("down", "--now").catch(() => {});
  rmSync(dir, { recursive: true, force: true });
}
if (process.argv.includes("--write")) {
  const about = `# What the console costs the browser

Written by \`node test/bench/console-page.js --write\` on ${cpus().length} × ${cpus()[0]?.model.trim()}: Chromium ${browser.version()}, medians of ${ROUNDS} visits with an empty
cache, a processor ${SLOWER} times slower by the browser's own means. The transcript has ${PARAGRAPHS * 14} words, three hours; a task is long from 50 ms.

| what | measured | limit |
|---|---|---|
`;
  writeFileSync(new URL("console-page.md", import.meta.url), `${about}${rows.join("\n")}\n`);
}

// ---

async function open(slower) {
  const context = await browser.newContext({ permissions: ["microphone"], locale: "en-US" });
  await context.addInitScript(`{
    const look = new MutationObserver(() => {
      if (document.querySelector("main button") === null) return;
      globalThis.usableMs = performance.now();
      look.disconnect();
    });
    look.observe(document, { childList: true, subtree: true });
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
    globalThis.answers = [];
    new PerformanceObserver((list) => answers.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "event", durationThreshold: 16 });
  }`);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  if (slower) await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return { context, page, devtools };
}

/** First paint, first use and the longest answer to a click, on a slow processor. */
async function firstLook(url) {
  const paints = [];
  const uses = [];
  const answers = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { context, page } = await open(true);
    await page.goto(url);
    // Not by waitForFunction: it polls with eval, which the page's policy refuses.
    const isReady = "globalThis.usableMs !== undefined && performance.getEntriesByType('paint').length === 2";
    while (!(await page.evaluate(isReady))) await sleep(50);
    paints.push(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
    uses.push(await page.evaluate("usableMs"));
    for (const name of ["Live", "API", "Files"]) await page.getByRole("link", { name, exact: true }).click();
    await sleep(500);
    answers.push(Math.max(0, ...(await page.evaluate("answers"))));
    await context.close();
  }
  told(`first paint, processor ${SLOWER} times slower`, median(paints), "ms", 1500);
  told(`first use, processor ${SLOWER} times slower`, median(uses), "ms", 1500);
  told(`longest answer to a click, processor ${SLOWER} times slower`, median(answers), "ms", 200);
}

async function threeHours(url) {
  const { context, page, devtools } = await open(false);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "JSHeapUsedSize").value / 1e6;
  };
  await devtools.send("Performance.enable");
  await page.goto(url);
  const empty = await heap();
  await page.evaluate(`new Promise((resolve, reject) => {
    const opened = indexedDB.open("gigastt", 1);
    opened.onerror = () => reject(opened.error);
    opened.onsuccess = () => {
      const change = opened.result.transaction("transcripts", "readwrite");
      const words = (id) => Array.from({ length: 14 }, (_, at) => ({ word: "слово" + id, start: id * 6 + at * 0.4, end: id * 6 + at * 0.4 + 0.3 }));
      const paragraphs = Array.from({ length: ${PARAGRAPHS} }, (_, id) => ({ id, words: words(id) }));
      change.objectStore("transcripts").put({ id: "lecture", name: "lecture.wav", addedMs: 1, durationS: ${PARAGRAPHS * 6}, paragraphs, warnings: [] });
      change.oncomplete = () => resolve(opened.result.close());
    };
  })`);
  await page.reload();
  await page.locator(".file-name").first().click();
  await page.locator(".word").first().waitFor();
  const shown = await heap();
  for (let at = 0; at < PARAGRAPHS; at += 100) await page.locator(".paragraph").nth(at).scrollIntoViewIfNeeded();
  const scrolled = await heap();
  told("JavaScript memory of an empty tab", empty, "MB");
  told("with a transcript of three hours", shown, "MB", 60);
  told("and scrolled through to its end", scrolled, "MB", 60);
  await context.close();
}

async function streaming(url) {
  const { context, page } = await open(false);
  await page.goto(`${url}/#/live`);
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator(".live .said [role=log] p").first().waitFor();
  await page.evaluate("longTasks.length = 0");
  await sleep(STREAM_S * 1000);
  const tasks = await page.evaluate("longTasks");
  told(`long tasks while ${STREAM_S} s of speech stream in`, tasks.length, "", 0);
  told("the longest of them", Math.max(0, ...tasks), "ms");
  await context.close();
}
