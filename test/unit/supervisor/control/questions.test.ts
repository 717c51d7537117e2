import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assemble } from "../../../../src/config/load.ts";
import { GigasttError } from "../../../../src/shared/errors.ts";
import type { ConsoleConfig, ConsoleLogs } from "../../../../src/shared/console-status.ts";
import type { Question } from "../../../../src/shared/process/messages.ts";
import { answerQuestion } from "../../../../src/supervisor/control/questions.ts";
import type { QuestionSources } from "../../../../src/supervisor/control/questions.ts";
import type { History } from "../../../../src/supervisor/state/history.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-questions-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function ask<T>(question: Question, changes: Partial<QuestionSources> = {}): Promise<T> {
  const loaded = await assemble(undefined, {
    env: {},
    overrides: { "pool.queue": "7", "supervisor.webhook": "https://u:hush@hooks.example/T0/secret" },
  });
  const answer = await answerQuestion(question, {
    parts: { history: {} as History }, // no question here is about it
    paths: { logsDir: dir, auditFile: join(dir, "last-audit.json") },
    cell: () => ({ loaded, loadedAt: "2026-11-28T10:00:00Z" }),
    pull: () => {},
    begin: () => {},
    ...changes,
  });
  return (answer.ok ? answer.result : answer) as T; // as the question says
}

describe("questions of the runtime", () => {
  it("the configuration has every key with its origin, and no secret", async () => {
    const { values } = await ask<ConsoleConfig>({ cmd: "settings" });
    const of = (key: string) => values.find((one) => one.key === key);
    expect(of("pool.queue")).toEqual({ key: "pool.queue", value: 7, from: "--set", isHidden: false });
    expect(of("pool.size")).toMatchObject({ from: "default" });
    expect(of("supervisor.webhook")).toMatchObject({ isHidden: true });
    expect(JSON.stringify(values)).not.toMatch(/hush|T0\/secret/);
  });

  it("the last audit is what was written, or null for a file of another shape", async () => {
    expect(await ask({ cmd: "audit" })).toBeNull();
    const audit = { at: "2026-11-28T10:00:00Z", errors: 1, warnings: 0, notices: 0, findings: [] };
    writeFileSync(join(dir, "last-audit.json"), JSON.stringify(audit));
    expect(await ask({ cmd: "audit" })).toEqual(audit);
    for (const text of ["", "[]", "7", '{"at":1}', JSON.stringify({ ...audit, findings: "x" })]) {
      writeFileSync(join(dir, "last-audit.json"), text);
      expect(await ask({ cmd: "audit" }), text).toBeNull();
    }
  });

  it("log lines come bounded in number and length, filtered, and from a time on", async () => {
    const line = (n: number): string =>
      JSON.stringify({
        level: n % 2 === 0 ? "info" : "warn",
        time: new Date(Date.parse("2026-11-28T10:00:00Z") + n * 1000).toISOString(),
        event: `e${n}`,
        note: "ж".repeat(n === 999 ? 5000 : 1),
      });
    writeFileSync(join(dir, "runtime.log"), `${Array.from({ length: 1000 }, (_, n) => line(n)).join("\n")}\n`);
    const all = await ask<ConsoleLogs>({ cmd: "log_lines" });
    expect(all.processes).toEqual(["runtime"]);
    expect([all.lines.length, all.lines.at(-1)?.text.length]).toEqual([300, 1000]);
    expect(
      (await ask<ConsoleLogs>({ cmd: "log_lines", level: "warn", text: "E99" })).lines.map(({ text }) =>
        text.slice(0, 4),
      ),
    ).toEqual(["e99 ", "e991", "e993", "e995", "e997", "e999"]);
    expect((await ask<ConsoleLogs>({ cmd: "log_lines", since: "2026-11-28T10:16:38Z" })).lines).toHaveLength(2);
  });

  it("an operation that cannot begin says why", async () => {
    const begin = (): never => {
      throw new GigasttError("GST_BUSY", "reload has been running");
    };
    expect(await ask({ cmd: "begin", operation: "restart" }, { begin })).toEqual({
      ok: false,
      code: "GST_BUSY",
      message: "reload has been running",
    });
  });
});
