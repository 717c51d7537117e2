import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { serveForClients } from "../support/served.ts";

/** Home Assistant's own files and the Python that it needs: `.ci/tools.sh` puts them here. */
const CODE = "/opt/gigastt-clients/home-assistant";
const PYTHON = "/usr/local/bin/python-3.14";
const missing = [CODE, PYTHON].find((path) => !existsSync(path));

const cleanups: (() => void)[] = [];
afterAll(() => cleanups.forEach((cleanup) => cleanup()));

const path = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const heard = { state: "success", text: "Пятьдесят пять." };
const failed = { state: "error", text: null };

describe.skipIf(missing !== undefined)(
  `Home Assistant's own speech-to-text code${missing === undefined ? "" : ` (skipped: ${missing} is missing, see .ci/tools.sh)`}`,
  () => {
    it("transcribes through the integrations Wyoming Protocol and LiteLLM", { timeout: 240_000 }, async () => {
      const { ports, stop } = await serveForClients(["http", "wyoming"]);
      cleanups.push(stop);
      const { status, stdout, stderr } = spawnSync(PYTHON, [path("home-assistant.py")], {
        input: JSON.stringify({ ...ports, wav: path("eval/dev_espeak_07.wav"), sequential: 100, parallel: 8 }),
        encoding: "utf8",
        env: { ...process.env, PYTHONPATH: CODE, PYTHONUTF8: "1" },
      });
      expect(status, stderr).toBe(0);
      const { wyoming, litellm } = JSON.parse(stdout) as Record<"wyoming" | "litellm", Record<string, unknown>>; // our own program
      expect(wyoming).toMatchObject({
        name: "gigastt",
        platforms: ["stt"],
        has_services: true,
        languages: ["ru"],
        external_vad: false,
        count: 108,
        results: [heard],
        early: heard,
        foreign: failed,
        silence: { state: "success", text: "" },
        nothing: { state: "success", text: "" },
        broken: failed,
        after: heard,
      });
      // The end of the command was found long before the microphone fell silent.
      expect(wyoming["early_left_s"]).toBeGreaterThan(4);
      expect(litellm).toEqual({ plain: heard, keywords: heard, foreign: failed, unreachable: failed });
    });
  },
);
