import { expect, it } from "vitest";
import { differenceToShown } from "../../support/shown-output.ts";

it("numbers, blanks and … stand for any", () => {
  const shown = ["…", "ready in 0.6 s: http://127.0.0.1:9876 (int8)", "…"];
  expect(differenceToShown(shown, "started\nready in 12 s:  http://127.0.0.1:40123 (int8)\n")).toBeUndefined();
  expect(differenceToShown(shown, "ready in 1 s: http://127.0.0.1:1 (int8)\nmore\nand more\n")).toBeUndefined();
  expect(differenceToShown(["…/x.yaml: ok"], "/a b/x.yaml: ok\n")).toBeUndefined();
});

it("anything else is a difference, which is told with both", () => {
  const text = differenceToShown(["ready in 0.6 s (int8)"], "ready in 1 s (fp32)\n");
  expect(text).toBe("the page shows\nready in 0.6 s (int8)\nbut it prints\nready in 1 s (fp32)\n");
  expect(differenceToShown(["stopped"], "stopped\nand more\n")).toContain("and more");
  expect(differenceToShown(["…", "stopped"], "not\n")).toContain("not");
});
