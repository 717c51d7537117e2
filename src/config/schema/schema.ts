import {
  isDictionary,
  isList,
  isSection,
  baseType,
  isNullable,
  type Leaf,
  type SchemaNode,
  type Section,
} from "./node.ts";
import { archive } from "../sections/archive.ts";
import { audit } from "../sections/audit.ts";
import { auth } from "../sections/auth.ts";
import { console } from "../sections/console.ts";
import { deploy } from "../sections/deploy.ts";
import { engine } from "../sections/engine.ts";
import { jobs } from "../sections/jobs.ts";
import { limits } from "../sections/limits.ts";
import { log } from "../sections/log.ts";
import { metrics } from "../sections/metrics.ts";
import { model } from "../sections/model.ts";
import { pool } from "../sections/pool.ts";
import { rateLimit } from "../sections/rate-limit.ts";
import { realtime } from "../sections/realtime.ts";
import { server } from "../sections/server.ts";
import { session } from "../sections/session.ts";
import { shutdown } from "../sections/shutdown.ts";
import { store } from "../sections/store.ts";
import { stream } from "../sections/stream.ts";
import { subtitles } from "../sections/subtitles.ts";
import { supervisor } from "../sections/supervisor.ts";
import { tracing } from "../sections/tracing.ts";
import { vosk } from "../sections/vosk.ts";
import { wyoming } from "../sections/wyoming.ts";
import type { ResolvedConfig } from "../types.ts";
import { BYTES_PATTERN, DURATION_PATTERN, parseDurationMs } from "../../shared/units.ts";

/** The one truth about every key: type, bounds, default, meaning, variable, reload class. */
export const configSchema: Section & { readonly properties: Readonly<Record<keyof ResolvedConfig, Section>> } = {
  type: "object",
  title: "gigastt configuration",
  description: "Every key is optional. Order: defaults, this file, GIGASTT_* variables, flags.",
  properties: {
    server,
    wyoming,
    vosk,
    limits,
    pool,
    session,
    realtime,
    rateLimit,
    shutdown,
    model,
    engine,
    stream,
    subtitles,
    jobs,
    archive,
    metrics,
    tracing,
    log,
    auth,
    store,
    console,
    supervisor,
    deploy,
    audit,
  },
};

/** Converts it to JSON Schema 2020-12 for editors and for the validator: units become patterns, unknown keys are refused. */
export function toJsonSchema(root: Section = configSchema): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...expand(root),
  };
}

// ---

function expand(node: SchemaNode): Record<string, unknown> {
  if (isSection(node)) {
    const { properties, ...rest } = node;
    return {
      ...rest,
      // A section whose keys are all commented out is `null` to YAML: as good as absent.
      type: node.required === undefined ? ["object", "null"] : "object",
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, expand(child)])),
      additionalProperties: false,
    };
  }
  if (isDictionary(node)) return { ...node, additionalProperties: expand(node.additionalProperties) };
  if (isList(node)) return { ...node, items: expand(node.items) };
  return expandLeaf(node);
}

function expandLeaf(leaf: Leaf): Record<string, unknown> {
  const nullable = isNullable(leaf) ? ["null"] : [];
  if (leaf["x-unit"] !== undefined) {
    const pattern = leaf["x-unit"] === "duration" ? DURATION_PATTERN : BYTES_PATTERN;
    // A bare 0 needs no unit; any other bare number would be read in the wrong one sooner or later.
    const zero = leaf["x-unit"] === "duration" && parseDurationMs(leaf["x-min"] ?? "0") === 0;
    return {
      ...leaf,
      type: compact(["string", ...(zero ? ["integer"] : []), ...nullable]),
      pattern,
      ...(zero ? { minimum: 0, maximum: 0 } : {}),
    };
  }
  if (leaf["x-auto"] === true) {
    return { ...leaf, type: compact([baseType(leaf), "string", ...nullable]), pattern: "^auto$" };
  }
  if (leaf.enum !== undefined && isNullable(leaf)) return { ...leaf, enum: [...leaf.enum, null] };
  return { ...leaf };
}

function compact(types: readonly string[]): string | readonly string[] {
  return types.length === 1 ? types[0]! : types;
}
