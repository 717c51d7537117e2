import { expect, it } from "vitest";
import { registry } from "../../../src/cli/registry.ts";
import { loadAll } from "../../../src/cli/run.ts";

it("the list names each command with its own summary and topic", async () => {
  for (const [name, command] of Object.entries(await loadAll(registry))) {
    expect(registry[name], name).toMatchObject({ summary: command.summary, topic: command.topic });
  }
});
