import { resolveSection } from "./resolve.ts";
import { configSchema } from "./schema/schema.ts";
import type { ResolvedConfig } from "./types.ts";

/** The configuration of an empty file. Deeply frozen. */
// A test proves that the schema's shape and ResolvedConfig are the same type.
export const defaultConfig: ResolvedConfig = resolveSection(configSchema, {}) as unknown as ResolvedConfig;
