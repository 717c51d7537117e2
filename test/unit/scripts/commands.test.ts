import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { registry } from "../../../src/cli/registry.ts";
import { loadAll } from "../../../src/cli/run.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const { renderRegistry } = (await import(`${root}scripts/commands.js`)) as { renderRegistry(root: string): string }; // plain JavaScript

it("src/cli/registry.ts is what the build generates from the command files", () => {
  expect(readFileSync(`${root}src/cli/registry.ts`, "utf8")).toBe(renderRegistry(root));
});

it("the list names each command with its own summary and topic", async () => {
  for (const [name, command] of Object.entries(await loadAll(registry))) {
    expect(registry[name], name).toMatchObject({ summary: command.summary, topic: command.topic });
  }
});
