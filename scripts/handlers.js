// The list of what answers each HTTP route, src/runtime/handlers.ts: every `export const NAME: Route = { ...ROUTES.ROUTE` in a folder
// `routes` of the runtime. The compiler refuses a route of src/shared/protocol.ts that nothing answers.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Text of src/runtime/handlers.ts. */
export function renderHandlers(root) {
  const folder = join(root, "src", "runtime");
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /\/routes\/[^/]+\.ts$/.test(name))
    .sort()
    .flatMap((file) =>
      [
        ...readFileSync(join(folder, file), "utf8").matchAll(
          /^export const (\w+): Route = \{\s+\.\.\.ROUTES\.(\w+),/gm,
        ),
      ].map(([, name, route]) => ({ file, name, route })),
    );
  return [
    "// Written by scripts/handlers.js from the folders routes. Do not edit: every build writes it.",
    'import type { HttpRouteName } from "../shared/protocol.ts";',
    ...found.map(({ file, name }) => `import { ${name} } from "./${file}";`),
    'import type { Route } from "./route.ts";',
    "",
    "/** What answers each route of the table. */",
    "export const handlers: Readonly<Record<HttpRouteName, Route>> = {",
    ...found.map(({ name, route }) => `  ${name === route ? name : `${route}: ${name}`},`),
    "};",
    "",
  ].join("\n");
}
