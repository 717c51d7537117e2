import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createEngine } from "../../src/engine/engine.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { makeCtcModel } from "../support/ctc-model.ts";
import { DEMO_CONFIG, demoBundle } from "../unit/engine/support.ts";
import { engineContract } from "./engine.ts";

const clip = new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url);
const dir = mkdtemp(join(tmpdir(), "gigastt-engines-"));
const ctc = dir.then((path) => makeCtcModel(path, "int8"));
afterAll(async () => rm(await dir, { recursive: true, force: true }));

engineContract("fake", { create: async () => createFakeEngine(), clip });
engineContract("onnx, demo model int8", {
  create: async () => createEngine({ config: DEMO_CONFIG, bundle: await demoBundle("int8"), log: silentLogger }),
  clip,
});
engineContract("onnx, CTC head on the demo encoder", {
  create: async () => createEngine({ config: DEMO_CONFIG, bundle: await ctc, log: silentLogger }),
  clip,
});
