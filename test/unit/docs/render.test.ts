import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { derive } from "../../../src/config/derived.ts";
import { RENDER_TARGETS } from "../../../src/render/render.ts";

const page = readFileSync(new URL("../../../docs/reference/render.md", import.meta.url), "utf8");

it("docs/reference/render.md lists every derived setting with its default, and no other", () => {
  const config = { ...defaultConfig, deploy: { ...defaultConfig.deploy, domain: "stt.example.com" } };
  const rows = [...page.matchAll(/^\| `([a-zA-Z]+(?:\.[a-zA-Z]+)?)` \| [^|]+ \| (–|[\d.]+) \| [^|]+ \|$/gm)].map(
    ([, name, value]) => [name!, value!] as const,
  );
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(leaves(derive(config))));
});

it("docs/reference/render.md lists every target", () => {
  for (const target of RENDER_TARGETS) expect(page).toContain(`| \`${target}\` |`);
});

function leaves(value: object, prefix = ""): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    typeof child === "object" && child !== null
      ? leaves(child, `${prefix}${key}.`)
      : [[`${prefix}${key}`, child === undefined ? "–" : String(child)] as const],
  );
}
