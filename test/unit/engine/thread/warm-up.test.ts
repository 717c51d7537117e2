import { expect, test } from "vitest";
import { warmUp } from "../../../../src/engine/thread/warm-up.ts";

test.each(["live", "files"] as const)("the way of audio for %s runs to its end, without a model", async (path) => {
  await expect(warmUp(path)).resolves.toBeUndefined();
});
