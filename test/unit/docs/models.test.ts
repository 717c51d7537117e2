import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checks } from "../../../src/cli/doctor/checks.ts";
import { loadRegistry } from "../../../src/models/registry.ts";

const root = new URL("../../../", import.meta.url);
const page = readFileSync(new URL("docs/reference/models.md", root), "utf8");

/** Text of every source file below a folder. */
function sources(folder: string): string {
  return readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"))
    .join("\n");
}

function quotedCodes(text: string): string[] {
  return [...new Set([...text.matchAll(/"(GST_[A-Z_]+)"/g)].map(([, code]) => code!))].sort();
}

describe("docs/reference/models.md", () => {
  it("has every model, and every pinned file with its size and hash", async () => {
    for (const { id, files, precisions } of (await loadRegistry()).models) {
      expect(page).toContain(`| \`${id}\` | ${Object.keys(precisions).join(", ")} |`);
      for (const { name, bytes, sha256 } of files) {
        const size = bytes.toLocaleString("en-US").replaceAll(",", " ");
        expect(page).toContain(`| \`${name}\` | ${size} | \`${sha256}\` |`);
      }
    }
  });

  it("has every error code of models, transcribe and their commands, and no other", () => {
    const used = quotedCodes(
      ["src/models/", "src/cli/models/", "src/cli/transcribe/", "src/cli/doctor/"].map(sources).join("\n"),
    ).filter((code) => code !== "GST_CONFIG");
    const told = [...page.matchAll(/^\| `(GST_[A-Z_]+)` \|/gm)].map(([, code]) => code!).sort();
    expect(told).toEqual(used);
  });

  it("has every check of the doctor in its order", () => {
    const section = page.slice(page.indexOf("## `gigastt doctor`"), page.indexOf("## Errors"));
    const told = [...section.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name);
    expect(told).toEqual(checks.map(({ name }) => name));
  });

  it("has every event of a pull", () => {
    const types = sources("src/models/");
    const events = new Set([...types.matchAll(/readonly event: "(\w+)"/g)].map(([, name]) => name!));
    for (const name of [...events, "failed"]) expect(page).toContain(`| \`${name}\` |`);
  });
});
