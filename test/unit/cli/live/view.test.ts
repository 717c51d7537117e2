import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLiveView } from "../../../../src/cli/live/view.ts";
import type { Keyboard } from "../../../../src/cli/live/view.ts";
import { paintFor } from "../../../../src/cli/output.ts";
import type { View } from "../../../../src/supervisor/status/view.ts";
import { createRandom } from "../../../support/mutate.ts";
import { statusReport } from "./status-report.ts";
import { createTinyTerminal } from "./tiny-terminal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function keyboard() {
  const modes: boolean[] = [];
  const events = new EventEmitter();
  const keys = Object.assign(events, {
    setRawMode: (isRaw: boolean) => void modes.push(isRaw),
    setEncoding: () => keys,
    resume: () => keys,
    pause: () => keys,
  });
  return { keys: keys as unknown as Keyboard, modes, type: (text: string) => events.emit("data", text) }; // what the view uses of a terminal's input
}

function liveView(given: { open?: (url: string) => Promise<boolean>; colours?: boolean } = {}) {
  const terminal = createTinyTerminal();
  const asked: string[] = [];
  const input = keyboard();
  const view = createLiveView({
    out: terminal,
    status: () => statusReport(),
    act: { stop: () => asked.push("stop"), reload: () => asked.push("reload"), restart: () => asked.push("restart") },
    paint: paintFor({ isTTY: given.colours === true }, { env: {}, flags: {} }),
    keyboard: input.keys,
    open: given.open ?? (async () => false),
  });
  return { terminal, asked, view, ...input };
}

const line = (route: string, level = "info"): string =>
  JSON.stringify({
    time: "2026-11-28T10:41:00.123Z",
    level,
    event: "request_end",
    request_id: "id",
    method: "POST",
    route,
    status: 200,
    ms: 5,
  });

describe("the live view", () => {
  it("draws one block under the events, again and again in the same place", () => {
    const { terminal, view } = liveView();
    view.say("ready in 2 s");
    for (let n = 0; n < 5; n++) {
      view.line(line(`/v1/${n}`));
      vi.advanceTimersByTime(1000);
      view.event({ level: "info", event: "config_reloaded" });
    }
    const screen = terminal.screen();
    expect(screen.slice(0, 6)).toEqual(["ready in 2 s", ...Array.from({ length: 5 }, () => "config reloaded")]);
    expect(screen.filter((row) => row.startsWith("gigastt 0.1.0  ok  "))).toHaveLength(1);
    expect(screen.filter((row) => row.includes("200 POST /v1/"))).toHaveLength(5);
    expect(screen.at(-1)).toBe("q stop   r reload   R restart   l level: info   f filter   o open the page");
    view.close();
    expect(terminal.screen()).toEqual(screen.slice(0, 6));
  });

  it("leaves no remains behind, whatever sizes the terminal takes", () => {
    const random = createRandom(11);
    const { terminal, view, type } = liveView();
    for (let round = 0; round < 300; round++) {
      random.pick([
        () => terminal.resize(20 + random.below(150), 8 + random.below(50)),
        () => view.line(line(`/v1/${"x".repeat(random.below(200))}`, random.pick(["info", "warn"]))),
        () => view.event({ level: "info", event: "e", text: "y".repeat(random.below(300)) }),
        () => type(random.pick(["l", "f", "x", "\r", "\u001b"])),
        () => vi.advanceTimersByTime(1000),
      ])();
      const screen = terminal.screen();
      expect(screen.filter((row) => row.startsWith("gigastt 0.1.0")).length).toBeLessThanOrEqual(1);
      expect(screen.filter((row) => /^(?:q stop|filter: )/.test(row))).toHaveLength(1);
      expect(screen.at(-1)).toMatch(/^(?:q stop|filter: )/);
    }
    view.close();
  });

  it("does what keys ask for, and says the address where no browser can be started", async () => {
    const opened: string[] = [];
    const { terminal, view, type, asked } = liveView({
      open: async (url) => {
        opened.push(url);
        return false;
      },
    });
    type("rRqo");
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual(["reload", "restart", "stop"]);
    expect(opened).toEqual(["http://127.0.0.1:9876"]);
    expect(terminal.screen()[0]).toBe("Open http://127.0.0.1:9876 in a browser.");
    view.line(line("/v1/shown"));
    view.line(line("/v1/hidden"));
    type("fSHOWN\r");
    expect(terminal.screen().filter((row) => row.includes("200 POST"))).toEqual([expect.stringContaining("/v1/shown")]);
    view.close();
  });

  it("gives the keyboard back once, and colours only where they are wanted", () => {
    for (const colours of [true, false]) {
      const { terminal, view, modes } = liveView({ colours });
      view.say("x");
      view.close();
      view.close();
      expect(modes).toEqual([true, false]);
      expect(terminal.colours.length > 0).toBe(colours);
    }
  });

  it("never passes escape codes of a log line or an event on", () => {
    const { terminal, view } = liveView();
    view.line("\u001b[2J\u001b]0;title\u0007\u009b1A");
    view.event({ level: "warn", event: "e", text: "\u001b[5n\u009d" } as Parameters<View["event"]>[0]);
    view.say("\u001bc");
    // The terminal of this test throws for any other code.
    expect(terminal.screen().join("\n")).toContain("\\u001b[2J");
    view.close();
  });
});
