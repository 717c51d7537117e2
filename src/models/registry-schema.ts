import type { Leaf, List, Section } from "../config/schema/node.ts";
import { LANGUAGE_NAMES } from "../shared/languages.ts";

const MAX_BYTES = 2 ** 40;

const text = (title: string): Leaf => ({ type: "string", format: "line", maxLength: 300, title, description: title });
const size = (title: string): Leaf => ({ type: "integer", minimum: 1, maximum: MAX_BYTES, title, description: title });

function section(title: string, properties: Section["properties"], optional: readonly string[] = []): Section {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", title, description: title, properties, required };
}

function list(items: Section): List {
  return { type: "array", title: items.title, description: items.description, items, minItems: 1, maxItems: 1000 };
}

const precision = section(
  "Files of a precision, by role",
  {
    encoder: text("Encoder"),
    decoder: text("Decoder"),
    joint: text("Joint network"),
    vocab: text("Vocabulary"),
    memoryBytes: size("Memory of one worker"),
  },
  ["decoder", "joint"],
);

const range = (title: string, minimum: number, maximum: number): Leaf => ({
  type: "integer",
  minimum,
  maximum,
  title,
  description: title,
});

const model = section(
  "Model",
  {
    id: { ...text("Id"), format: "dashed-id", maxLength: 64 },
    name: text("Name"),
    version: text("Version"),
    summary: text("Summary"),
    license: section("Licence", { name: text("Name"), holder: text("Holder"), url: httpsUrl("Address") }, ["url"]),
    languages: {
      type: "array",
      title: "Languages",
      description: "ISO 639-1, the main one first",
      items: { ...text("Language"), enum: Object.keys(LANGUAGE_NAMES) },
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
    },
    source: section(
      "Source",
      {
        kind: { ...text("Kind"), enum: ["download", "bundled", "local"] },
        baseUrl: httpsUrl("Address of the folder"),
        folder: { ...text("Folder below models/"), format: "file-name", maxLength: 64 },
        madeFrom: text("Id of the model it was made from"),
      },
      ["baseUrl", "folder", "madeFrom"],
    ),
    files: list(
      section("File", {
        name: { ...text("Name"), format: "file-name", maxLength: 128 },
        bytes: size("Size"),
        sha256: { ...text("SHA-256"), format: "sha256" },
      }),
    ),
    precisions: section("Precisions", { int8: precision, fp32: precision }, ["int8", "fp32"]),
    frontEnd: section("Front end", {
      sampleRateHz: range("Sample rate", 8000, 48_000),
      windowSamples: range("Window", 16, 8192),
      hopSamples: range("Hop", 1, 8192),
      melBins: range("Mel bins", 1, 512),
      minHz: range("Lowest frequency", 0, 24_000),
      maxHz: range("Highest frequency", 1, 24_000),
      bfloat16Buffers: { type: "boolean", title: "Rounded buffers", description: "Rounded through bfloat16" },
    }),
    windows: section(
      "Lengths of audio",
      {
        mergeS: range("Merge below", 0, 24),
        maxS: range("Longest window", 2, 24),
        rereadBelowPercent: range("Read again below", 0, 100),
        confidenceSlopePercent: range("Slope of the confidence", 20, 500),
      },
      ["rereadBelowPercent", "confidenceSlopePercent"],
    ),
  },
  ["languages", "windows"],
);

/** The shape of models/registry.json, in the language of the configuration's schema: one checker and one wording for both. */
export const registrySchema: Section = section("Model registry", {
  version: range("Version", 1, 1),
  models: list(model),
});

function httpsUrl(title: string): Leaf {
  return { type: "string", format: "https-url", maxLength: 500, title, description: title };
}
