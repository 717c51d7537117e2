import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { FIXTURES, gigastt } from "./gigastt.ts";

// Without ORT_DISABLE_TELEMETRY the library leaves .cache/Microsoft/DeveloperTools/.onnxruntime/deviceid in the home folder and
// queues events for its maker beside it.
test("recognition leaves no telemetry id behind, whatever the environment says", { timeout: 60_000 }, async () => {
  const home = temporaryDir();
  const { code, stdout } = await gigastt(["transcribe", `${FIXTURES}eval/dev_espeak_00.wav`], {
    env: { HOME: home, ORT_DISABLE_TELEMETRY: "0" },
  });
  expect([code, stdout.length > 0]).toEqual([0, true]);
  expect(readdirSync(home, { recursive: true })).toEqual([]);
});
