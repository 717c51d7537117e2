import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { docCommands } from "../../support/doc-commands.ts";

const folder = new URL("../../../docs/deploy/", import.meta.url);

describe("commands of the deployment pages", () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith(".md")))("%s says the same in both languages", (name) => {
    const english = docCommands(`docs/deploy/${name}`).map(({ text }) => text);
    const russian = docCommands(`docs/ru/deploy/${name}`).map(({ text }) => text);
    expect(russian).toEqual(english);
    // A Proxmox host is not to be had here: its commands are shown, not run.
    if (name !== "proxmox-lxc.md") expect(english.length).toBeGreaterThan(0);
  });
});
