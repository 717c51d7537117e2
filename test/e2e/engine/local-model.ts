import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundledModelsDir, loadRegistry } from "../../../src/models/registry.ts";

/** A model of one's own, made of the demo's files, so that a test may damage it. */
export interface LocalModel {
  /** `model.dir`. */
  readonly dir: string;
  readonly id: string;
  readonly encoder: string;
  /** Puts every file back as it was. */
  restore(): void;
}

const NAMES = [
  "demo_ru_rnnt_encoder.int8.onnx",
  "demo_ru_rnnt_decoder.onnx",
  "demo_ru_rnnt_joint.onnx",
  "demo_ru_rnnt_vocab.txt",
];

/** @param encoder in place of the demo's */
export async function makeLocalModel(dir: string, encoder?: Uint8Array): Promise<LocalModel> {
  const { models } = await loadRegistry();
  const bundled = models.find(({ id }) => id === "demo-ru-rnnt");
  if (!bundled?.precisions.int8) throw new Error("the demo must be bundled");
  const folder = join(dir, "mine");
  const contents = NAMES.map((name) => ({
    name,
    bytes: (name === NAMES[0] ? encoder : undefined) ?? readFileSync(`${bundledModelsDir()}demo_ru_rnnt/${name}`),
  }));
  const restore = (): void => {
    mkdirSync(folder, { recursive: true });
    for (const { name, bytes } of contents) writeFileSync(join(folder, name), bytes);
  };
  restore();
  const files = contents.map(({ name, bytes }) => ({
    name,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  const entry = {
    ...bundled,
    id: "mine",
    source: { kind: "local", madeFrom: "demo-ru-rnnt" },
    precisions: { int8: bundled.precisions.int8 },
    files,
  };
  writeFileSync(join(folder, "model.json"), JSON.stringify({ version: 1, models: [entry] }));
  return { dir, id: "mine", encoder: join(folder, NAMES[0]!), restore };
}
