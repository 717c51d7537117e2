import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { withDeadline } from "../../../../src/shared/time/deadline.ts";

const built = fileURLToPath(new URL("../../../../dist/shared/time/deadline.js", import.meta.url));

it("aborts after the time, also when nothing else holds the signal and memory is collected", () => {
  const code = `
    const { withDeadline } = await import(${JSON.stringify(built)});
    const started = Date.now();
    const wait = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    setInterval(() => globalThis.gc(), 50);
    await wait(withDeadline(new AbortController().signal, 300));
    console.log(Date.now() - started);
    process.exit();`;
  const { stdout } = spawnSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", code], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(Number(stdout)).toBeGreaterThanOrEqual(290);
});

it("follows the given signal with its reason", () => {
  const stop = new AbortController();
  const signal = withDeadline(stop.signal, 60_000);
  stop.abort(new Error("stopped"));
  expect(signal.reason).toEqual(new Error("stopped"));
  expect(withDeadline(stop.signal, 60_000).aborted).toBe(true);
});
