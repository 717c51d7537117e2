import { readFileSync } from "node:fs";
import { registry } from "../../src/cli/registry.ts";
import { loadAll } from "../../src/cli/run.ts";
import { renderCommented } from "../../src/config/file/commented.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { configSchema, toJsonSchema } from "../../src/config/schema/schema.ts";
import { auditPages } from "../../test/support/audit-pages.ts";
import { renderCliPage } from "./cli-page.ts";
import { renderConfigPage } from "./config-page.ts";
import { withRoutesTable } from "./routes-table.ts";

const HTTP_PAGE = "docs/reference/http.md";

/** Every generated page and example of the repository by its path from the root. `node scripts/docs.js` writes them, a test compares them. */
export const pages: ReadonlyMap<string, string> = new Map([
  ["gigastt.config.yaml", renderCommented(configSchema, defaultConfig)],
  ["gigastt.schema.json", `${JSON.stringify(toJsonSchema(), null, 2)}\n`],
  ["docs/reference/config.md", renderConfigPage(configSchema)],
  ["docs/reference/cli.md", renderCliPage(await loadAll(registry))],
  [HTTP_PAGE, withRoutesTable(readFileSync(new URL(`../../${HTTP_PAGE}`, import.meta.url), "utf8"))],
  ...auditPages(),
]);
