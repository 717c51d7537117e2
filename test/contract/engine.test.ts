import { createEngine } from "../../src/engine/engine.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { DEMO_CONFIG, demoBundle } from "../unit/engine/support.ts";
import { engineContract } from "./engine.ts";

const clip = new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url);

engineContract("fake", { create: async () => createFakeEngine(), clip });
engineContract("onnx, demo model int8", {
  create: async () => createEngine({ config: DEMO_CONFIG, bundle: await demoBundle("int8"), log: silentLogger }),
  clip,
});
