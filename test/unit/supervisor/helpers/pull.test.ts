import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import type { ModelConfig } from "../../../../src/config/types.ts";
import { entryFile } from "../../../../src/shared/process/entry.ts";
import type { ModelPull } from "../../../../src/shared/process/messages.ts";
import { createModelPuller } from "../../../../src/supervisor/helpers/pull.ts";
import type { ModelPuller } from "../../../../src/supervisor/helpers/pull.ts";

let dir: string;
let puller: ModelPuller;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-pull-"));
});
afterEach(() => {
  puller.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A puller whose process runs these lines; `tell` sends a message. */
function start(lines: string, onPulled: () => Promise<void> = async () => {}) {
  const entry = join(dir, "puller.mjs");
  writeFileSync(
    entry,
    `const tell = (message) => process.send(message);\nconst end = () => process.send({ event: { event: "installed" } }, () => process.disconnect());\nprocess.once("message", async (config) => {\n${lines}\n});`,
  );
  return startEntry(pathToFileURL(entry), {}, onPulled);
}
function startEntry(entry: URL, model: Partial<ModelConfig>, onPulled: () => Promise<void> = async () => {}) {
  const seen: (ModelPull | null)[] = [];
  const events: string[] = [];
  puller = createModelPuller({
    config: () => ({ ...defaultConfig.model, dir: join(dir, "models"), ...model }),
    env: { ...process.env },
    emit: ({ event }) => void events.push(event),
    onPulled,
    onChange: () => void seen.push(puller.state()),
    entry,
  });
  puller.start();
  return { seen, events };
}
const PLAN = `tell({ event: { event: "plan", model: "big", files: [{ name: "a", bytes: 60 }, { name: "b", bytes: 40 }], bytesMissing: 90 } });`;
const stateOf = () => puller.state()?.state;

describe("the download of the real model", () => {
  it("tells how far it is, from what was there before, and takes the model into use", async () => {
    let taken = 0;
    const { seen, events } = start(
      `${PLAN}
      tell({ event: { event: "progress", file: "a", bytesDone: 60, bytesTotal: 60 } });
      tell({ event: { event: "progress", file: "b", bytesDone: 40, bytesTotal: 40 } });
      tell({ event: { event: "done", changed: true } });
      end();`,
      async () => void taken++,
    );
    await expect.poll(stateOf).toBe("done");
    expect(taken).toBe(1);
    expect(seen.find((pull) => pull?.bytesTotal === 100)).toEqual({
      state: "running",
      model: "big",
      bytesDone: 10,
      bytesTotal: 100,
    });
    expect(seen.map((pull) => pull?.state)).toEqual(expect.arrayContaining(["running", "switching", "done"]));
    expect(puller.state()).toEqual({ state: "done", model: "big", bytesDone: 100, bytesTotal: 100 });
    expect(events).toEqual(["model_pull_started", "model_pulled"]);
  });

  it("runs once at a time, and goes on after a failure", async () => {
    const { events } = start(`${PLAN} tell({ failed: "the network is away" }); end();`);
    puller.start();
    await expect.poll(stateOf).toBe("failed");
    expect(puller.state()?.reason).toBe("the network is away");
    puller.start();
    await expect
      .poll(() => events)
      .toEqual(["model_pull_started", "model_pull_failed", "model_pull_started", "model_pull_failed"]);
  });

  it("says why its process died, and why the switch failed", async () => {
    start(`${PLAN} console.error("out of luck"); process.exit(3);`);
    await expect.poll(stateOf).toBe("failed");
    expect(puller.state()?.reason).toMatch(/exit code 3: .*out of luck/);
    start(`${PLAN} end();`, () => Promise.reject(new Error("no memory for two")));
    await expect.poll(stateOf).toBe("failed");
    expect(puller.state()?.reason).toBe("no memory for two");
  });

  it("ends its process with the supervisor", async () => {
    start(`${PLAN} setInterval(() => {}, 1000);`);
    await expect.poll(() => puller.state()?.model).toBe("big");
    puller.stop();
    expect(stateOf()).toBe("running");
  });

  it("really looks for the model: an empty mirror is a failure with the file's name", async () => {
    startEntry(entryFile("supervisor/helpers/pull-main"), { mirror: dir });
    await expect.poll(stateOf).toBe("failed");
    expect(puller.state()?.reason).toMatch(/v3_e2e_rnnt/);
  });
});
