import { spawn } from "node:child_process";
import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "./harness.ts";
import { cli, createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

const models = fileURLToPath(new URL("../../../models", import.meta.url));
const clip = readFileSync(fileURLToPath(new URL("../../fixtures/eval/dev_espeak_07.wav", import.meta.url)));

let place: RealPlace;
let weights = "";
beforeEach(() => {
  place = createRealPlace("");
  // The demo model once more, as one that was made on this machine: its files can be taken away.
  const registry = JSON.parse(readFileSync(join(models, "registry.json"), "utf8")) as {
    models: { id: string }[];
  }; // our own file
  const demo = registry.models.find(({ id }) => id === "demo-ru-rnnt");
  const folder = join(place.dir, "models", "mine");
  cpSync(join(models, "demo_ru_rnnt"), folder, { recursive: true });
  writeFileSync(
    join(folder, "model.json"),
    JSON.stringify({ version: 1, models: [{ ...demo, id: "mine", source: { kind: "local", madeFrom: "a test" } }] }),
  );
  weights = join(folder, "demo_ru_rnnt_encoder.int8.onnx");
});
afterEach(() => place.cleanUp());

const writeConfig = (more = ""): void =>
  place.writeConfig(
    `server:\n  port: 0\nmodel:\n  id: mine\n  precision: int8\n  dir: ${join(place.dir, "models")}\n${more}shutdown:\n  drain: 2s\nsupervisor:\n  watchConfig: false\n  crashLimit: 2\n  crashWindow: 10m\n  restartDelayMin: 50ms\n`,
  );
const hide = (): void => renameSync(weights, `${weights}.gone`);
const bringBack = (): void => renameSync(`${weights}.gone`, weights);

async function recognise(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(clip) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }; // an object by protocol
}

describe("the model's files", () => {
  it("removed before the start: up ends with the reason and the cure", async () => {
    writeConfig();
    hide();
    await expect(place.gigastt("up")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the model mine (int8) in") as unknown,
    });
  });

  it("removed before a restart: the restart is refused, the old runtime goes on serving", async () => {
    writeConfig();
    const url = await place.up();
    hide();
    await expect(place.control("restart")).rejects.toThrow("The old runtime keeps serving");
    expect((await recognise(url)).status).toBe(200);
    expect((await place.status()).overall).toBe("ok");
  });

  it("removed before the runtime dies: crash loop with the reason and 503, and restart serves again once it is back", async () => {
    writeConfig();
    const url = await place.up();
    hide();
    process.kill((await place.status()).processes[0]?.pid ?? 0, "SIGKILL");
    const status = await until(
      "crash loop",
      async () => {
        const found = await place.status();
        return found.processes[0]?.state === "crash_loop" ? found : undefined;
      },
      60_000,
    );
    expect(status.issues[0]?.text).toContain("model");
    const answer = await until("stand-in", () => recognise(url));
    expect(answer.status).toBe(503);
    bringBack();
    await place.control("restart");
    expect((await recognise(url)).status).toBe(200);
  }, 90_000);

  it("removed while it is unloaded: work is refused with the reason, and served again once it is back", async () => {
    writeConfig("  idleUnload: 1s\n");
    const url = await place.up();
    expect((await recognise(url)).status).toBe(200);
    const log = join(place.stateDir, "logs", "runtime.log");
    await until("unloaded", () => readFileSync(log, "utf8").includes("model_unloaded"), 60_000);
    hide();
    const refused = await until("refused", async () => {
      const answer = await recognise(url);
      return answer.status === 503 && readFileSync(log, "utf8").includes("model_reload_failed") ? answer : undefined;
    });
    expect(refused.body["code"]).toBe("initializing");
    expect((await place.status()).processes[0]).toMatchObject({ restarts: 0 });
    bringBack();
    await until("served again", async () => (await recognise(url)).status === 200, 60_000);
  }, 120_000);
});

describe("the terminal", () => {
  it("standard output and error closed under up: it goes on serving, restarts and stops cleanly", async () => {
    writeConfig();
    const up = spawn(process.execPath, [cli, "up", "--state-dir", place.stateDir], {
      cwd: place.dir,
      env: place.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = new Promise<number | null>((resolve) => {
      up.once("exit", (code) => resolve(code));
    });
    await until("ready", async () => (await place.status()).overall === "ok", 60_000);
    up.stdout.destroy();
    up.stderr.destroy();
    process.kill((await place.status()).processes[0]?.pid ?? 0, "SIGKILL");
    await place.readyAfter(1);
    up.kill("SIGTERM");
    expect(await exited).toBe(0);
  }, 90_000);
});
