import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { missingPython, runPython } from "../support/python.ts";

const missing = missingPython("wyoming");
const cleanups: (() => void)[] = [];
afterAll(() => cleanups.forEach((cleanup) => cleanup()));

/** The real server with the bundled model, on free ports. Resolves as soon as Wyoming listens: the model may still load. */
async function serve(): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url)), "serve"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env["PATH"], GIGASTT_PORT: "0", GIGASTT_WYOMING_ENABLED: "1", GIGASTT_WYOMING_PORT: "0" },
  });
  cleanups.push(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as { event?: string; listener?: string; port?: number }; // our own log
      if (entry.event === "listening" && entry.listener === "wyoming") resolve(entry.port ?? 0);
    });
    void once(child, "exit").then(() => reject(new Error("the server ended")));
  });
  return port;
}

describe.skipIf(missing !== undefined)(
  `the reference client of Wyoming${missing === undefined ? "" : ` (${missing})`}`,
  () => {
    it(
      "describes while the model loads, then 100 utterances one after the other and 8 at once",
      { timeout: 240_000 },
      async () => {
        const port = await serve();
        const wav = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
        const seen = runPython("wyoming-client.py", { port, wav, sequential: 100, parallel: 8 });
        expect(seen).toMatchObject({ program: "gigastt", languages: ["ru"], streams: true, count: 108 });
        // Every one of them has the same text, and there is one.
        const { texts } = seen as { readonly texts: readonly string[] };
        expect(texts).toHaveLength(1);
        expect(texts[0]).toMatch(/^[А-Я].{5,}/);
      },
    );
  },
);
