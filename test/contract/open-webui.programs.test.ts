import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { openKeyStore } from "../../src/store/keys.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { missingPython, talkPython } from "../support/python.ts";

/** Open WebUI's own files: `.ci/tools.sh` puts them here. */
const CODE = "/opt/gigastt-clients/open-webui";
const missing = existsSync(CODE)
  ? missingPython("fastapi", "aiohttp", "pydub", "mimeparse")
  : `${CODE} is missing, see .ci/tools.sh`;

const heard = { status: 200, text: expect.stringMatching(/^раз/), detail: null };
const refused = (detail: string): object => ({
  status: 500,
  text: null,
  detail: expect.stringContaining(`Error transcribing chunk: External: ${detail}`),
});

it.skipIf(missing !== undefined)(
  `Open WebUI's own audio router transcribes, shows what is wrong, and is served four times at once on a pool of one${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  { timeout: 120_000 },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-open-webui-"));
    const keyStore = openKeyStore(join(dir, "keys.sqlite"));
    const key = keyStore.create("open-webui", { scopes: ["transcribe"] }, Date.now()).reveal();
    const server = await startTestServer({
      engine: createFakeEngine({ windowMs: 50 }),
      config: { auth: { keys: "required" }, pool: { size: 1, queue: 8 }, rateLimit: { perMinute: 0 } },
      keyStore,
    });
    try {
      const wav = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
      const given = { url: `${server.url}/v1`, wav, keys: [key, `${key}1`] };
      expect(await talkPython("open-webui.py", given, [CODE])).toEqual({
        plain: heard,
        "no language": heard,
        "foreign language": heard,
        "no key": refused("the API key is not valid"),
        "wrong key": refused("the API key is not valid"),
        // With ffmpeg Open WebUI's own conversion refuses it.
        "no audio": { status: expect.toBeOneOf([400, 500]), text: null, detail: expect.any(String) },
        silence: { status: 200, text: "", detail: null },
        "four at once": [heard, heard, heard, heard],
        "wrong base URL": refused("no such route; /v1/audio/transcriptions is one"),
      });
    } finally {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
