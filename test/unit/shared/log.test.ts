import { describe, expect, it } from "vitest";
import { createLogger, silentLogger } from "../../../src/shared/log.ts";

function capture(level: "info" | "debug" = "info") {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level,
    stream: { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }, // our own JSON
  });
  return { lines, log };
}

describe("log", () => {
  it("writes the event name, the level in words, an ISO time and the fields", () => {
    const { lines, log } = capture();
    log.info("request_end", { status: 200, ms: 12 });
    log.warn("plain");
    expect(lines).toEqual([
      {
        level: "info",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        event: "request_end",
        status: 200,
        ms: 12,
      },
      { level: "warn", time: expect.any(String), event: "plain" },
    ]);
  });

  it("adds a child's fields to every line of the child", () => {
    const { lines, log } = capture();
    log.child({ request_id: "r1" }).info("a", { n: 1 });
    expect(lines[0]).toMatchObject({ event: "a", request_id: "r1", n: 1 });
  });

  it("spells an error with its code and its cause", () => {
    const { lines, log } = capture();
    log.error("failed", { err: new Error("outer", { cause: Object.assign(new Error("inner"), { code: "EIO" }) }) });
    expect(lines[0]?.["err"]).toMatchObject({
      type: "Error",
      message: "outer",
      cause: { code: "EIO", message: "inner" },
    });
  });

  it("drops lines below the level, and the level can change while running", () => {
    const { lines, log } = capture();
    log.debug("hidden");
    log.setLevel("debug");
    log.debug("shown");
    expect(lines.map((line) => line["event"])).toEqual(["shown"]);
  });

  it("has a silent form that can be flushed", async () => {
    silentLogger.child({ a: 1 }).fatal("nothing");
    await silentLogger.flush();
    await capture().log.flush();
  });
});
