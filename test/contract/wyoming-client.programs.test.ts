import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { missingPython, runPython } from "../support/python.ts";
import { serveForClients } from "../support/served.ts";

const missing = missingPython("wyoming");
const cleanups: (() => void)[] = [];
afterAll(() => cleanups.forEach((cleanup) => cleanup()));

describe.skipIf(missing !== undefined)(
  `the reference client of Wyoming${missing === undefined ? "" : ` (${missing})`}`,
  () => {
    it(
      "describes while the model loads, then 100 utterances one after the other and 8 at once",
      { timeout: 240_000 },
      async () => {
        const { ports, stop } = await serveForClients(["wyoming"]);
        cleanups.push(stop);
        const wav = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
        const seen = runPython("wyoming-client.py", { port: ports["wyoming"], wav, sequential: 100, parallel: 8 });
        expect(seen).toMatchObject({ program: "gigastt", languages: ["ru"], streams: true, count: 108 });
        // Every one of them has the same text, and there is one.
        const { texts } = seen as { readonly texts: readonly string[] };
        expect(texts).toHaveLength(1);
        expect(texts[0]).toMatch(/^[А-Я].{5,}/);
      },
    );
  },
);
