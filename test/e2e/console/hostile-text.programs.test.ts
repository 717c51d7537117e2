import * as fc from "fast-check";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Transcript } from "../../../src/console/data/document.ts";
import { supervisorReport } from "../../support/supervisor-report.ts";
import type { ConsoleStatus } from "../../../src/shared/console-status.ts";
import { CHROMIUM, consoleInBrowser, keepTranscripts, NO_BROWSER, visit } from "../../support/browser.ts";
import { fuzzCases, SEED } from "../../support/fuzz.ts";

/** Whole attacks, and pieces of which others are put together. */
const ATTACKS = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "</title><svg/onload=alert(1)>",
  "\"><iframe srcdoc='<script>alert(1)</script>'>",
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
  "<style>*{display:none}</style>",
  "</textarea><b>",
  "&lt;b&gt;&#x3c;b&#x3e;",
  "<!--",
  "]]>",
  "\u202Egnp.exe",
  "<a href=//evil.example>x</a>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "${alert(1)}",
  "<base href=//evil.example>",
  "<form action=//evil.example><input name=key>",
];
const hostile = fc.oneof(
  fc.constantFrom(...ATTACKS),
  fc
    .array(fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: "binary", maxLength: 12 })), { maxLength: 4 })
    .map((parts) => parts.join("")),
);

/** Strings of one look at the page: file names, words, warnings, and what the status says. */
const NAMES = 20;
const WORDS = 50;
const WARNINGS = 10;
const ISSUES = 8;
/** What the supervisor says, eight strings to a row: a log line, a setting and a finding. */
const ROWS = 5;
const PER_LOOK = NAMES + WORDS + WARNINGS + 8 * ROWS + 2 * ISSUES + 4;
const LOOKS = Math.ceil(fuzzCases(5000) / PER_LOOK);

// Names, transcripts, warnings and what the server says of itself are shown as they are, and never become markup.
describe.skipIf(CHROMIUM === undefined)(`hostile text in Chromium${NO_BROWSER}`, () => {
  const ground = consoleInBrowser();

  it(`${LOOKS * PER_LOOK} strings make the same elements as harmless ones`, async () => {
    const { page, context, complaints } = await visit(ground.browser, ground.server.url);
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const requested: string[] = [];
    page.on("request", (request) => void requested.push(request.url()));
    let strings: readonly string[] = [];
    await page.route("**/console/status", (route) =>
      route.fulfill({ json: statusWith(strings.slice(-2 * ISSUES - 4)) }),
    );
    await page.route("**/console/supervisor/*", (route) =>
      route.fulfill({ json: partWith(route.request().url(), strings.slice(NAMES + WORDS + WARNINGS)) }),
    );
    try {
      const look = async (texts: readonly string[]): Promise<Record<string, number>> => {
        strings = texts;
        await keepTranscripts(page, transcriptsWith(texts));
        return { ...(await elementsAt(page, "files")), ...(await elementsAt(page, "status")) };
      };
      const harmless = await look(Array.from({ length: PER_LOOK }, () => "x"));
      for (const chunk of chunks(fc.sample(hostile, { numRuns: LOOKS * PER_LOOK, seed: SEED }), PER_LOOK)) {
        expect(await look(chunk), JSON.stringify(chunk)).toEqual(harmless);
        const words = await page.evaluate("[...document.querySelectorAll('.word')].map((word) => word.textContent)");
        expect(words).toEqual(chunk.slice(NAMES, NAMES + WORDS));
      }
      expect(dialogs).toEqual([]);
      expect(complaints).toEqual([]);
      expect(requested.filter((url) => !url.startsWith(ground.server.url) && !url.startsWith("blob:"))).toEqual([]);
    } finally {
      await context.close();
    }
  }, 600_000);
});

// ---

/** How many elements of each kind a page has. */
async function elementsAt(page: Page, name: "files" | "status"): Promise<Record<string, number>> {
  if (name === "files") {
    await page.goto(page.url().replace(/#.*$/, "#/"));
    await page.reload();
    await page.locator(".file-name").first().click();
    await expect.poll(() => page.locator(".word").count()).toBe(WORDS);
  } else {
    await page.evaluate("location.hash = '#/status'");
    await expect.poll(() => page.locator(".status .notice").count()).toBe(ISSUES);
    await page.locator(".chart canvas").nth(7).waitFor({ state: "attached" });
    for (const summary of await page.locator(".fold summary").all()) await summary.click();
    await expect.poll(() => page.locator(".log p, .scrolled tbody tr, .findings li").count()).toBe(3 * ROWS);
  }
  const counts = await page.evaluate(
    "[...document.querySelectorAll('*')].reduce((all, { localName }) => ({ ...all, [localName]: (all[localName] ?? 0) + 1 }), {})",
  );
  if (name === "status") await page.evaluate("location.hash = '#/'");
  if (name === "status") await page.locator(".word").first().waitFor({ state: "attached" }); // it may have no visible letter
  return Object.fromEntries(
    Object.entries(counts as Record<string, number>).map(([tag, count]) => [`${name} ${tag}`, count]),
  );
}

function transcriptsWith(texts: readonly string[]): readonly Transcript[] {
  const words = texts.slice(NAMES, NAMES + WORDS).map((word, index) => ({ word, start: index, end: index + 0.5 }));
  return texts.slice(0, NAMES).map((name, index) => ({
    id: `t${index}`,
    name,
    addedMs: 1_000_000 - index,
    durationS: WORDS,
    paragraphs: index === 0 ? chunks(words, 10).map((part, id) => ({ id, words: part })) : [],
    warnings: index === 0 ? texts.slice(NAMES + WORDS, NAMES + WORDS + WARNINGS) : [],
  }));
}

function statusWith(texts: readonly string[]): ConsoleStatus {
  const [version = "", id = "", name = "", overall = "", ...rest] = texts;
  return {
    version,
    uptime_s: 1,
    state: id,
    model: { id, name, precision: name },
    slots: { used: 0, total: 1 },
    waiting: 0,
    live: { sessions: 0, speaking: 0, sustainable: 1, real_time_factor: null },
    audio_seconds_total: 0,
    requests: { total: 0, failed: 0, latency_ms: null },
    rss_bytes: 0,
    supervisor: supervisorReport({
      overall,
      issues: chunks(rest, 2).map(([text = "", cure = ""], index) => ({
        id: "disk_low",
        severity: "warning",
        text: `${index} ${text}`,
        cure,
      })),
    }),
  };
}

function partWith(url: string, texts: readonly string[]): unknown {
  const rows = chunks(texts.slice(0, 8 * ROWS), 8);
  const at = "2026-11-28T10:00:00.000Z";
  if (url.includes("/logs"))
    return {
      processes: ["runtime"],
      lines: rows.map(([text, level]) => ({ time: at, level, process: "runtime", text })),
    };
  if (url.includes("/config"))
    return {
      path: texts[2],
      hash: texts[3],
      loadedAt: at,
      // Keys are names of the schema.
      values: rows.map(([, , value, from], index) => ({
        key: `key${index}`,
        value,
        from: `${from} `,
        isHidden: false,
      })),
    };
  if (url.includes("/audit"))
    return {
      at,
      errors: 1,
      warnings: 0,
      notices: 0,
      findings: rows.map(([, , , , rule, severity, message, fix]) => ({
        rule,
        severity,
        file: texts[4],
        line: 1,
        message,
        fix,
      })),
    };
  return { at: [1, 2], figures: Object.fromEntries(FIGURES.map((name) => [name, [1, null]])) };
}

const FIGURES = ["sessions", "waiting", "requests", "failures", "p95Ms", "realTimeFactor", "rssBytes", "restarts"];

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}
