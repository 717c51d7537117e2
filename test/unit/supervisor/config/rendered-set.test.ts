import { fileURLToPath } from "node:url";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withHeader } from "../../../../src/render/header.ts";
import { findDrift, readIntact } from "../../../../src/supervisor/config/rendered-set.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-set-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const running = { configHash: "a".repeat(64), toolVersion: "0.1.0" };

describe("the rendered set beside a configuration", () => {
  it("is told apart by what became of each file", async () => {
    const write = (name: string, configHash: string, tail = ""): void =>
      writeFileSync(
        join(dir, name),
        withHeader({ path: name, body: "x\n", comment: "#" }, { ...running, configHash }) + tail,
      );
    write("current", running.configHash);
    write("stale", "b".repeat(64));
    write("edited", running.configHash, "y\n");
    writeFileSync(join(dir, "foreign"), "z\n");
    expect(await findDrift(dir, running)).toEqual({ dir, current: ["current"], stale: ["stale"], edited: ["edited"] });
    expect((await readIntact(dir)).map(({ path }) => path)).toEqual(["current", "stale"]);
  });

  it("does not hold the examples of a checkout: a fresh clone has no drift", async () => {
    const deploy = fileURLToPath(new URL("../../../../deploy", import.meta.url));
    expect(await findDrift(deploy, running)).toEqual({ dir: deploy, current: [], stale: [], edited: [] });
    expect(await readIntact(deploy)).toEqual([]);
  });
});
