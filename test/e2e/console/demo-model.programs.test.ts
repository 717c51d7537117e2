import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelPull, SupervisorReport } from "../../../src/shared/process/messages.ts";
import { CHROMIUM, NO_BROWSER, startBrowser, visit } from "../../support/browser.ts";
import { createPacedEngine } from "../../support/paced-engine.ts";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";

const SAMPLE = fileURLToPath(new URL("../../../models/samples/sample_1.wav", import.meta.url));

describe.skipIf(CHROMIUM === undefined)(`the demo model in Chromium${NO_BROWSER}`, () => {
  let server: TestServer;
  let browser: Browser;
  let asked = 0;
  let notice: string | undefined = "The bundled demo model is in use.";
  const supervisorSays = (pull: ModelPull): void => {
    server.runtime.context.phase.supervisor = { issues: [], pull } as unknown as SupervisorReport; // of what it says these are enough
  };
  beforeAll(async () => {
    const engine = createPacedEngine();
    server = await startTestServer({ engine, askSupervisor: () => Promise.resolve(void asked++) });
    const { model } = engine;
    Object.defineProperty(engine, "model", { get: () => model && { ...model, notice } });
    browser = await startBrowser({ microphone: SAMPLE });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it("is explained; the button starts the download, whose progress, failure and end are shown", async () => {
    const { page, context, complaints } = await visit(browser, server.url);
    try {
      await page.getByText("Demo model").click();
      await page.getByText("GigaAM v3 e2e RNN-T, 226 MB to download, MIT license.").waitFor();
      await page.getByRole("button", { name: "Download and switch" }).click();
      await expect.poll(() => asked).toBe(1);
      supervisorSays({ state: "running", model: "m", bytesDone: 50e6, bytesTotal: 226e6 });
      await page.reload();
      await page.getByText("Downloading: 50 of 226 MB").waitFor();
      supervisorSays({
        state: "failed",
        model: "m",
        bytesDone: 60e6,
        bytesTotal: 226e6,
        reason: "<b>the disk is full</b>",
      });
      await page.getByText("The download stopped: <b>the disk is full</b>").waitFor();
      await page.getByRole("button", { name: "Continue the download" }).click();
      await expect.poll(() => asked).toBe(2);
      notice = undefined;
      await page.reload();
      await page.locator("main section").first().waitFor();
      await expect.poll(() => page.getByText("Demo model").count()).toBe(0);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });
});
