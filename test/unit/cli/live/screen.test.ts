import { array, assert, constantFrom, integer, oneof, property, record, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { FIRST_KEYS } from "../../../../src/cli/live/keys.ts";
import { fit, renderScreen } from "../../../../src/cli/live/screen.ts";
import type { Screen } from "../../../../src/cli/live/screen.ts";
import { paintFor, textWidth } from "../../../../src/cli/output.ts";
import type { LogLine } from "../../../../src/supervisor/logs/log-format.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";
import { statusReport } from "./status-report.ts";

const plain = paintFor({}, { env: {}, flags: {} });
const coloured = paintFor({ isTTY: true }, { env: {}, flags: {} });

function request(fields: Record<string, unknown> = {}): LogLine {
  return {
    time: "2026-11-28T10:41:00.123Z",
    level: "info",
    event: "request_end",
    fields: {
      request_id: "01a22444-c105-71c7-b44e-2518b5dff69b",
      method: "POST",
      route: "/v1/transcribe/stream",
      status: 200,
      ms: 1234,
      audio_s: 12.5,
      ...fields,
    },
  };
}

function rowsOf(given: Partial<Screen> = {}): string[] {
  return renderScreen({
    status: statusReport(),
    lines: [],
    keys: FIRST_KEYS,
    columns: 80,
    rows: 24,
    paint: plain,
    ...given,
  });
}

describe("the screen of the live view", () => {
  it("shows status, log and keys at 80 columns", () => {
    expect(
      rowsOf({
        lines: [request(), { ...request(), level: "warn", event: "session_slow", fields: { lag_ms: 12 } }, "not JSON"],
      }),
    ).toMatchInlineSnapshot(`
      [
        "gigastt 0.1.0  ok  http://127.0.0.1:9876",
        "  runtime   ready for 1 min, pid 12345, restarts 0",
        "  model     Demo (demo, int8)",
        "  sessions  1 of 4, 0 waiting",
        "  requests  17, 3/min, 0 failed/min, audio ×12.5, latency p50 120 ms, p95 800 ms",
        "  memory    runtime 300 MiB, supervisor 60 MiB",
        "  notice: The demo model is in use. [model_notice]",
        "    → gigastt models pull",
        "10:41:00 info  200 POST /v1/transcribe/stream 1234 ms audio_s=12.5 request_id=0…",
        "10:41:00 warn  session_slow lag_ms=12",
        "not JSON",
        "q stop   r reload   R restart   l level: info   f filter   o open the page",
      ]
    `);
  });

  it("keeps status, method, route and time of a request at 60 columns; the request's id goes first", () => {
    const row = rowsOf({ lines: [request()], columns: 60 }).at(-2)!;
    expect(row).toContain("200 POST /v1/transcribe/stream 1234 ms");
    expect(row).not.toContain("01a22444");
  });

  it("drops whole parts where the width is short, and cuts only a part that is too long by itself", () => {
    expect(fit("  runtime   ready for 5 s, pid 12345, restarts 0", 40)).toBe("  runtime   ready for 5 s, pid 12345");
    expect(fit("  model     gigaam-v3-e2e-rnnt (0123456789abcdef)", 20)).toBe("  model     gigaam-…");
  });

  it("shows lines from the level on, with the filter's text in any case", () => {
    const lines = [request(), { ...request({ route: "/v1/jobs" }), level: "warn" }, { ...request(), level: "debug" }];
    const shown = (keys: Partial<typeof FIRST_KEYS>): number =>
      rowsOf({ lines, status: undefined, keys: { ...FIRST_KEYS, ...keys } }).length - 1;
    expect([
      shown({}),
      shown({ level: "debug" }),
      shown({ level: "warn" }),
      shown({ filter: "V1/JOBS" }),
      shown({ filter: "nothing" }),
    ]).toEqual([2, 3, 1, 1, 0]);
  });

  it("has colours for what went wrong, and none without a keyboard hint where there is no keyboard", () => {
    const lines = [request(), request({ status: 404 }), request({ status: 503 })];
    const [ok, refused, failed] = rowsOf({ lines, paint: coloured, status: undefined });
    // oxlint-disable-next-line no-control-regex -- colours are looked for
    expect([ok, refused, failed].map((row) => /^\u001b\[(\d+)m/.exec(row!)?.[1])).toEqual([undefined, "33", "31"]);
    expect(rowsOf({ paint: coloured })[0]).toContain("\u001b[32m  ok  \u001b[39m");
    expect(rowsOf({ keys: undefined }).join("\n")).not.toContain("q stop");
  });

  it("fits every terminal, whatever the lines hold", () => {
    const text = oneof(
      string({ unit: "binary", maxLength: 60 }),
      constantFrom("日本語のテキスト", "ё".repeat(80), "\u001b[31m", "a, b, c, ".repeat(20)),
    );
    const line = oneof(
      text,
      record({
        time: constantFrom("2026-11-28T10:41:00.123Z"),
        level: constantFrom("debug", "info", "warn", "error", "strange"),
        event: oneof(text, constantFrom("request_end")),
        fields: record({ route: text, method: text, text, request_id: text }, { requiredKeys: [] }),
      }),
    );
    assert(
      property(
        array(line, { maxLength: 30 }),
        text,
        integer({ min: 1, max: 250 }),
        integer({ min: 1, max: 60 }),
        (lines, filter, columns, rows) => {
          for (const paint of [plain, coloured]) {
            const status = statusReport({ url: `http://${filter}/` });
            const shown = renderScreen({
              status,
              lines,
              keys: { ...FIRST_KEYS, filter: "", isTyping: filter.length > 30 },
              columns,
              rows,
              paint,
            });
            expect(shown.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
            for (const row of shown) {
              expect(textWidth(row)).toBeLessThanOrEqual(Math.max(1, columns));
              // oxlint-disable-next-line no-control-regex -- only our own colours may be there
              expect(row.replace(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u0008\u000a-\u001f]/);
            }
          }
        },
      ),
      fuzzRuns(1000, { quick: 60 }),
    );
  });
});
