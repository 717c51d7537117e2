import { renderCommented } from "../../config/commented.ts";
import { defaultConfig } from "../../config/defaults.ts";
import { configSchema, toJsonSchema } from "../../config/schema.ts";
import type { Registry } from "../command.ts";
import { loadAll } from "../run.ts";
import { renderCliPage } from "./cli-page.ts";
import { renderConfigPage } from "./config-page.ts";

/** Every generated file of the repository by its path from the root. `node scripts/docs.js` writes them, a test compares them. */
export async function generatedFiles(registry: Registry): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["gigastt.config.yaml", renderCommented(configSchema, defaultConfig)],
    ["gigastt.schema.json", `${JSON.stringify(toJsonSchema(), null, 2)}\n`],
    ["docs/reference/config.md", renderConfigPage(configSchema)],
    ["docs/reference/cli.md", renderCliPage(await loadAll(registry))],
  ]);
}
