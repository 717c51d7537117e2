import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { depth } from "../support/fuzz.ts";

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

test.skipIf(!hasFfmpeg)(
  `every format is decoded as ffmpeg decodes it${hasFfmpeg ? "" : " (skipped: no ffmpeg here)"}`,
  () => {
    // Ends with 1 where a start, a length or the samples are out of bounds; the rows say which.
    const table = execFileSync("node", ["test/bench/conformance.js", ...(depth === "full" ? [] : ["--seconds", "8"])], {
      encoding: "utf8",
    });
    expect(table.split("\n").length).toBeGreaterThan(depth === "full" ? 60 : 7);
  },
  600_000,
);
