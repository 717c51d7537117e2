import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import OpenAI4 from "openai4";
import OpenAI6 from "openai6";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { noiseWav } from "../support/forms.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// OpenAI's own SDKs against the server.

const PYTHON = "/opt/gigastt-clients/bin/python";
/** The newest SDK and the Node.js that it needs. */
const NODE_22 = "/opt/gigastt-clients/node-22";
const TEXT = "раз два три четыре";
const folder = mkdtempSync(join(tmpdir(), "gigastt-openai-"));
const path = join(folder, "audio.wav");
const wav = noiseWav(2, 1);
writeFileSync(path, wav);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pool = { size: 1, queue: 4, checkoutTimeoutMs: 100, holdTimeoutMs: 60_000 };
let server: TestServer;
beforeEach(async () => {
  server = await startTestServer({ engine: createFakeEngine({ windowMs: 200 }), config: { pool } });
});
afterEach(() => server.close());

describe.each<[string, typeof OpenAI6]>([
  ["4.104", OpenAI4 as unknown as typeof OpenAI6], // the part that is used here is the same
  ["6.49", OpenAI6],
])("npm openai %s", (version, OpenAI) => {
  const client = (options: object = {}): OpenAI6 =>
    new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", ...options });
  const file = (): File => new File([new Uint8Array(wav)], "a.wav");
  const model = "whisper-1";

  it("gets every format from a File and from a stream", async () => {
    const { transcriptions } = client().audio;
    expect((await transcriptions.create({ model, file: file() })).text).toBe(TEXT);
    expect((await transcriptions.create({ model, file: createReadStream(path) })).text).toBe(TEXT);
    for (const response_format of ["text", "srt", "vtt"] as const) {
      const answer: unknown = await transcriptions.create({ model, file: file(), response_format });
      expect(answer).toEqual(expect.stringContaining(TEXT));
    }
    const verbose = await transcriptions.create({
      model,
      file: createReadStream(path),
      response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
    });
    expect([verbose.language, verbose.words?.length, verbose.segments?.[0]?.text]).toEqual(["russian", 4, TEXT]);
    const diarized = await transcriptions.create({ model, file: file(), response_format: "diarized_json" });
    expect((diarized as unknown as { segments: unknown[] }).segments[0]).toMatchObject({ speaker: "A", text: TEXT });
  });

  it("gets events whose deltas are the final text", async () => {
    const events = await client().audio.transcriptions.create({ model, file: createReadStream(path), stream: true });
    let deltas = "";
    let done = "";
    for await (const event of events) {
      if (event.type === "transcript.text.delta") deltas += event.delta;
      if (event.type === "transcript.text.done") done = event.text;
    }
    expect([deltas, done]).toEqual([TEXT, TEXT]);
  });

  it("sends its own kinds of options", async () => {
    const answer = await client().audio.transcriptions.create({
      model: "gpt-4o-transcribe",
      file: file(),
      prompt: "Гигачат",
      temperature: 0.2,
      include: ["logprobs"],
      chunking_strategy: { type: "server_vad", threshold: 0.5 },
      language: "ru",
    });
    expect(answer.logprobs?.map(({ token }) => token).join("")).toBe(TEXT);
  });

  it("throws typed errors without a second upload", async () => {
    const seen = countRequests();
    const refused = client()
      .audio.transcriptions.create({ model, file: file(), language: "de" })
      .catch((error: unknown) => error);
    expect(await refused).toMatchObject({
      status: 400,
      code: "unsupported_language",
      param: "language",
      type: "invalid_request_error",
    });
    const translated = client()
      .audio.translations.create({ model, file: file() })
      .catch((error: unknown) => error);
    expect(await translated).toMatchObject({ status: 400, code: "unsupported_task" });
    expect(seen()).toBe(2);
  });

  it("lists and retrieves models", async () => {
    const list = await client().models.list();
    expect(list.data.map(({ id }) => id)).toEqual(expect.arrayContaining(["fake", "whisper-1"]));
    expect((await client().models.retrieve("whisper-1")).object).toBe("model");
  });

  it("gets three parallel chunks served on a pool of one, as files and as streams", async () => {
    const all = [0, 1, 2].map((index) =>
      client().audio.transcriptions.create({ model, file: index === 0 ? file() : createReadStream(path) }),
    );
    expect((await Promise.all(all)).map(({ text }) => text)).toEqual([TEXT, TEXT, TEXT]);
  });

  const canRepeat = version !== "4.104";
  it.skipIf(!canRepeat)(
    `repeats an upload when the server asks it to${canRepeat ? "" : " (skipped: it has no body the second time)"}`,
    async () => {
      await server.close();
      server = await startTestServer({
        engine: createPacedEngine({ transcribeMs: 700 }),
        config: { pool: { ...pool, queue: 0 } },
      });
      const first = client().audio.transcriptions.create({ model, file: file() });
      await expect.poll(() => server.runtime.context.admission.available).toBe(0);
      const seen = countRequests();
      expect((await client({ maxRetries: 5 }).audio.transcriptions.create({ model, file: file() })).text).toMatch(
        /bytes/,
      );
      expect(seen()).toBeGreaterThan(1);
      await first;
    },
  );
});

it.skipIf(!existsSync(PYTHON))(
  `PyPI openai: every format, BytesIO, events, errors, models, parallel chunks${existsSync(PYTHON) ? "" : ` (skipped: ${PYTHON} is missing, see .ci/tools.sh)`}`,
  async () => {
    const script = fileURLToPath(new URL("openai-clients.py", import.meta.url));
    const { stdout } = await execa(PYTHON, [script, `${server.url}/v1`, path], { timeout: 60_000 });
    expect(JSON.parse(stdout)).toMatchObject({
      text: TEXT,
      usage: "duration",
      opened: TEXT,
      formats: { text: `${TEXT}\n`, srt: expect.stringContaining(TEXT), vtt: expect.stringMatching(/^WEBVTT\n/) },
      verbose: ["TranscriptionVerbose", "russian", 4, 1],
      diarized: ["TranscriptionDiarized", "A"],
      events: ["TranscriptionTextDeltaEvent", "TranscriptionTextDoneEvent"],
      deltas: TEXT,
      done: TEXT,
      language: ["BadRequestError", 400, "unsupported_language", "language", true],
      format: ["BadRequestError", 400, "bad_request", "response_format", true],
      models: expect.arrayContaining(["fake", "whisper-1", "gpt-4o-transcribe"]),
      model: "whisper-1",
      parallel: [TEXT, TEXT, TEXT],
    });
  },
);

it.skipIf(!existsSync(NODE_22))(
  `npm openai 7 under Node.js 22${existsSync(NODE_22) ? "" : ` (skipped: ${NODE_22} is missing, see .ci/tools.sh)`}`,
  async () => {
    const script = fileURLToPath(new URL("openai-clients.mjs", import.meta.url));
    const node = join(NODE_22, "node_modules/.bin/node");
    const { stdout } = await execa(node, [script, NODE_22, `${server.url}/v1`, path], { timeout: 60_000 });
    const refused = (code: string, param: unknown) => ["BadRequestError", 400, code, param, "string"];
    expect(JSON.parse(stdout)).toEqual({
      node: "22",
      version: expect.stringMatching(/^7\./),
      text: TEXT,
      streamed: TEXT,
      formats: [`${TEXT}\n`, expect.stringContaining(TEXT), expect.stringMatching(/^WEBVTT\n/)],
      verbose: ["russian", 4, TEXT],
      diarized: "A",
      deltas: TEXT,
      done: TEXT,
      options: TEXT,
      language: refused("unsupported_language", "language"),
      translation: refused("unsupported_task", null),
      models: expect.arrayContaining(["fake", "whisper-1", "gpt-transcribe"]),
      model: "model",
      parallel: [TEXT, TEXT, TEXT],
    });
  },
);

/** Returns how many requests were answered since. */
function countRequests(): () => number {
  const before = server.lines.length;
  return () => server.lines.slice(before).filter(({ event }) => event === "request_end").length;
}
