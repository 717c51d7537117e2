import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ConsoleModel } from "../../../src/shared/console-status.ts";
import { createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

let place: RealPlace;
const mirror = createServer((_req, res) => res.writeHead(404).end());
beforeAll(async () => {
  await new Promise<void>((resolve) => mirror.listen(0, "127.0.0.1", resolve));
  const { port } = mirror.address() as AddressInfo; // it listens on TCP
  place = createRealPlace(
    `server:\n  port: 0\nmodel:\n  mirror: http://127.0.0.1:${port}\nsupervisor:\n  healthInterval: 1s\n  healthTimeout: 1s\n`,
  );
});
afterAll(async () => {
  mirror.close();
  await place.cleanUp();
});

it("the page's request reaches the supervisor, which downloads beside the service and says why it cannot", async () => {
  const url = await place.up();
  const ask = async (): Promise<ConsoleModel> => (await (await fetch(`${url}/console/model`)).json()) as ConsoleModel; // our own server's
  expect(await ask()).toMatchObject({ can_pull: true, pull: null, offer: { name: "GigaAM v3 e2e RNN-T" } });
  const started = await fetch(`${url}/console/model`, { method: "POST", headers: { origin: url } });
  expect(started.status).toBe(202);
  await expect.poll(async () => (await ask()).pull?.state).toBe("failed");
  // The mirror is empty: the first file that is missing is named.
  expect((await ask()).pull?.reason).toMatch(/v3_e2e_rnnt/);
  expect((await place.status()).overall).toBe("ok");
  const { stdout } = await place.gigastt("logs", "--process", "supervisor", "--level", "warn");
  expect(stdout).toContain("model_pull_failed");
});
