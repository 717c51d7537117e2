import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { HOOK_EVENTS } from "../../../src/supervisor/helpers/hooks.ts";
import { ISSUE_IDS } from "../../../src/supervisor/status/issues.ts";
import { PROCESS_STATES } from "../../../src/supervisor/process/process-state.ts";
import { CONTROL_COMMANDS } from "../../../src/supervisor/supervisor.ts";

const page = readFileSync(fileURLToPath(new URL("../../../docs/reference/supervisor.md", import.meta.url)), "utf8");

/** First cells of the table below a heading. */
function rowsUnder(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? "");
}

describe("docs/reference/supervisor.md", () => {
  it("explains exactly the states there are", () => {
    expect(rowsUnder("States").sort()).toEqual([...PROCESS_STATES].sort());
  });
  it("explains exactly the issues there are", () => {
    expect(rowsUnder("Issues").sort()).toEqual([...ISSUE_IDS].sort());
  });
  it("explains exactly the control commands there are", () => {
    expect(rowsUnder("Control socket").sort()).toEqual([...CONTROL_COMMANDS].sort());
  });
  it("names exactly the events that are sent to hooks", () => {
    const section = page.split(/^## /m).find((text) => text.startsWith("Events")) ?? "";
    const named = [...(section.split("standard input):")[1] ?? "").matchAll(/`([a-z_]+)`/g)].map(
      (match) => match[1] ?? "",
    );
    expect(named.sort()).toEqual([...HOOK_EVENTS].sort());
  });
});
