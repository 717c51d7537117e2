import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findTool } from "../../contract/proxy/front.ts";
import { spawnLeashed, type Leashed } from "../../support/leash.ts";
import { cli, createRealPlace, type RealPlace } from "./real-place.ts";

const missing = findTool("script") === undefined ? " (skipped: script is not installed)" : "";

describe.skipIf(missing !== "")(`gigastt up in a terminal${missing}`, () => {
  let place: RealPlace;
  let terminal: Leashed;
  let shown = "";
  const type = (keys: string): void => void terminal.child.stdin!.write(keys);
  const shows = (text: string | RegExp): Promise<void> => expect.poll(() => shown, { timeout: 60_000 }).toMatch(text);

  beforeAll(() => {
    place = createRealPlace("server: { port: 0 }\nshutdown: { drain: 3s }\n");
    const words = [process.execPath, cli, "up", "--no-pull", "--state-dir", join(place.dir, "state")].map(
      (word) => `'${word}'`,
    );
    const command = `stty cols 100 rows 30; exec ${words.join(" ")}`;
    terminal = spawnLeashed("script", ["-qefc", command, "/dev/null"], {
      cwd: place.dir,
      env: { ...place.env, TERM: "xterm-256color", SHELL: "/bin/sh", NO_COLOR: "", DISPLAY: "", WAYLAND_DISPLAY: "" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [terminal.child.stdout!, terminal.child.stderr!])
      stream.on("data", (bytes: Buffer) => (shown += bytes.toString()));
  });
  afterAll(async () => {
    await terminal?.kill();
    await place?.cleanUp();
  });

  it("reads keys, in colour, and gives the terminal back when q stops it", async () => {
    const gone = new Promise((resolve) => terminal.child.once("exit", resolve));
    await shows(/ready in .* s: http/);
    await shows("\u001b[32m  ok  \u001b[39m");
    type("l");
    await shows("l level: warn");
    type("fжук\u007f\r");
    await shows("f filter: жу ");
    type("o");
    await shows(/Open http:\S+ in a browser\./);
    type("r");
    await shows("reload requested  reason=key r");
    type("R");
    await shows("Restarted.");
    type("q");
    await shows("Finishing running sessions");
    expect([await gone, shown]).toEqual([0, expect.stringContaining("Stopped.")]);
  }, 120_000);
});
