import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import type { Engine } from "../../src/engine/contract.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { MODEL_ALIASES } from "../../src/shared/protocol.ts";
import { FORM_TYPE, formBytes, noiseWav } from "../support/forms.ts";
import type { FormPart } from "../support/forms.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// What OpenAI's clients send and need. Each quirk of a real client is one test.

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const start = async (options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> => {
  server = await startTestServer({ engine: createFakeEngine(), ...options });
  return server;
};
const PATH = "/v1/audio/transcriptions";
const WAV = noiseWav(2, 1);
const FILE: FormPart = { name: "file", value: WAV, fileName: "audio.wav" };
const field = (name: string, value: string): FormPart => ({ name, value });

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Body;
}

/** Keys of all answers and events; each test names those it reads. */
interface Body {
  readonly type: string;
  readonly delta: string;
  readonly text: string;
  readonly task: string;
  readonly words: readonly { readonly word: string }[];
  readonly segments: readonly { readonly speaker: string }[];
  readonly logprobs: readonly { readonly token: string }[];
  readonly diarization: unknown;
  readonly warnings: unknown;
  readonly error: {
    readonly code: string;
    readonly type: string;
    readonly param: string | null;
    readonly message: string;
  };
}

async function send(parts: readonly FormPart[], init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${server?.url}${PATH}`, {
    method: "POST",
    body: formBytes(parts),
    ...init,
    headers: { "content-type": FORM_TYPE, ...init.headers },
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, text, json: (isJson ? JSON.parse(text) : {}) as Body };
}
const events = ({ text }: Answer): Body[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Body); // the server's own JSON
const heldBytes = (): number | undefined => server?.runtime.context.uploads.heldBytes;

describe("what clients send", () => {
  it.each(["/audio/transcriptions", "/v1/v1/audio/transcriptions", "//v1/audio/transcriptions"])(
    "a wrong base URL, %s: the refusal is OpenAI's and names the path that is meant",
    async (path) => {
      const { url } = await start();
      const answer = await fetch(url + path, {
        method: "POST",
        headers: { "content-type": FORM_TYPE },
        body: formBytes([FILE]),
      });
      const { error } = (await answer.json()) as Body;
      expect([answer.status, error.code]).toEqual([404, "not_found"]);
      expect(error.message).toContain("/v1/audio/transcriptions is one");
    },
  );

  it("the file as the first part, its options after it (npm)", async () => {
    await start();
    const answer = await send([FILE, field("model", "whisper-1"), field("response_format", "verbose_json")]);
    expect([answer.status, answer.json.task]).toEqual([200, "transcribe"]);
  });

  it("the file as the last part (Python, n8n, Open WebUI)", async () => {
    await start();
    const answer = await send([field("response_format", "text"), field("model", "x"), FILE]);
    expect([answer.status, answer.text]).toEqual([200, "раз два три четыре\n"]);
  });

  it("a chunked body without Content-Length (createReadStream, aiohttp)", async () => {
    await start();
    const bytes = formBytes([FILE, field("model", "whisper-1")]);
    const body = new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < bytes.length; at += 1000) controller.enqueue(bytes.subarray(at, at + 1000));
        controller.close();
      },
    });
    // Fetch wants it for streams; its types do not know it.
    const answer = await send([], { body, duplex: "half" } as RequestInit);
    expect([answer.status, answer.json.text]).toEqual([200, "раз два три четыре"]);
  });

  it.each([
    ["upload", undefined],
    ["file.mp3", "audio/mpeg"],
    ["audio.webm", "application/octet-stream"],
    ["запись.txt", "text/plain"],
    ["", "audio/x-wav"],
  ])("a file named %j of type %s that is WAV", async (fileName, type) => {
    await start();
    const answer = await send([{ ...FILE, fileName, ...(type === undefined ? {} : { type }) }]);
    expect([answer.status, answer.json.text]).toEqual([200, "раз два три четыре"]);
  });

  it.each([...MODEL_ALIASES, "gpt-live-transcribe", "base", "", undefined])("the model %s", async (model) => {
    await start();
    expect((await send([FILE, ...(model === undefined ? [] : [field("model", model)])])).status).toBe(200);
  });

  it("fields that mean nothing here", async () => {
    await start();
    const answer = await send([
      field("prompt", "Гигачат"),
      field("temperature", "0.2"),
      field("include[]", "anything"),
      field("chunking_strategy", "auto"),
      field("chunking_strategy[type]", "server_vad"),
      field("chunking_strategy[threshold]", "0.5"),
      field("keywords[]", "Пятигорск"),
      field("vad_filter", "true"),
      field("__proto__", "x"),
      field("", "x"),
      FILE,
    ]);
    expect([answer.status, answer.json.text]).toEqual([200, "раз два три четыре"]);
  });

  it.each(["ru", "ru-RU", "ru_RU", "RU", "rus", "Russian", "auto", ""])("the language %j", async (language) => {
    await start();
    expect((await send([field("language", language), FILE])).status).toBe(200);
  });

  it("Authorization: Basic (Nextcloud) and Accept: application/json for a text answer", async () => {
    await start();
    const headers = { authorization: "Basic dTpw", accept: "application/json" };
    const answer = await send([FILE, field("response_format", "srt")], { headers });
    expect([answer.status, answer.text.split("\n")[0]]).toEqual([200, "1"]);
  });

  it("a preflight of an app's page for the SDK's headers", async () => {
    const { url } = await start({
      config: { server: { ...defaultConfig.server, allowedOrigins: ["app://obsidian.md"] } },
    });
    const wanted = ["authorization", "content-type", "x-stainless-arch", "x-stainless-retry-count"];
    const response = await fetch(url + PATH, {
      method: "OPTIONS",
      headers: {
        origin: "app://obsidian.md",
        "access-control-request-method": "POST",
        "access-control-request-headers": wanted.join(", "),
      },
    });
    const granted = response.headers.get("access-control-allow-headers")?.toLowerCase().split(", ") ?? [];
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([204, "app://obsidian.md"]);
    expect(granted).toEqual(expect.arrayContaining(wanted));
  });

  it("the same file again after its language was refused (Open WebUI)", async () => {
    await start();
    const refused = await send([field("language", "de"), FILE]);
    expect([refused.status, refused.json.error.code, refused.json.error.param]).toEqual([
      400,
      "unsupported_language",
      "language",
    ]);
    expect((await send([FILE])).status).toBe(200);
    expect(heldBytes()).toBe(0);
  });
});

describe("answers", () => {
  it("json: text, language, duration; probabilities when asked", async () => {
    await start();
    expect((await send([FILE])).json).toEqual({
      text: "раз два три четыре",
      languages: [{ code: "ru" }],
      usage: { type: "duration", seconds: 3 },
    });
    const { logprobs } = (await send([FILE, field("include[]", "logprobs")])).json;
    expect(logprobs.map(({ token }) => token).join("")).toBe("раз два три четыре");
    expect(logprobs[1]).toEqual({ token: " два", logprob: expect.any(Number), bytes: [...Buffer.from(" два")] });
  });

  it("verbose_json: segments with all ten keys; words when asked, with and without brackets", async () => {
    await start();
    const format = field("response_format", "verbose_json");
    const plain = (await send([FILE, format])).json;
    expect(Object.keys(plain).sort()).toEqual(["duration", "language", "segments", "task", "text", "usage"]);
    expect(plain).toMatchObject({ task: "transcribe", language: "russian", duration: 3 });
    expect(plain.segments[0]).toEqual({
      id: 0,
      seek: expect.any(Number),
      start: expect.any(Number),
      end: expect.any(Number),
      text: "раз два три четыре",
      tokens: [],
      temperature: 0,
      avg_logprob: expect.any(Number),
      compression_ratio: expect.any(Number),
      no_speech_prob: 0,
    });
    for (const name of ["timestamp_granularities[]", "timestamp_granularities"]) {
      const words = (await send([FILE, format, field(name, "word")])).json;
      expect(words.words.map(({ word }) => word)).toEqual(["раз", "два", "три", "четыре"]);
      expect(words.segments).toBeUndefined();
      const both = (await send([field(name, "word"), field(name, "segment"), format, FILE])).json;
      expect([both.words.length, both.segments.length]).toEqual([4, 1]);
      for (const list of ["word,segment", '["word", "segment"]', "['word', 'segment']"]) {
        const listed = (await send([field(name, list), format, FILE])).json;
        expect([listed.words.length, listed.segments.length]).toEqual([4, 1]);
      }
    }
  });

  it.each(["text", "srt", "vtt"])("%s is plain text, never JSON", async (format) => {
    await start();
    const answer = await send([FILE, field("response_format", format)]);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.text).toContain("раз два три четыре");
  });

  it("diarized_json of one channel: one speaker, and why", async () => {
    await start();
    const { segments, diarization } = (await send([FILE, field("response_format", "diarized_json")])).json;
    expect(segments).toEqual([
      {
        type: "transcript.text.segment",
        id: "seg_0",
        start: expect.any(Number),
        end: expect.any(Number),
        text: "раз два три четыре",
        speaker: "A",
      },
    ]);
    expect(diarization).toEqual({ status: "unavailable", reason: expect.stringContaining("channels=split") });
  });

  it("diarized_json of two channels, by name or by letter", async () => {
    await start();
    const stereo = { ...FILE, value: await readFile("test/fixtures/audio/24bit-stereo-48k.flac") };
    const format = field("response_format", "diarized_json");
    const named = (await send([format, field("known_speaker_names[]", "Анна"), stereo])).json;
    const lettered = (await send([format, field("channels", "split"), stereo])).json;
    expect(new Set(named.segments.map(({ speaker }) => speaker))).toEqual(new Set(["Анна", "B"]));
    expect(new Set(lettered.segments.map(({ speaker }) => speaker))).toEqual(new Set(["A", "B"]));
    expect(named.diarization).toEqual({ status: "by_channel" });
    const streamed = events(await send([format, field("channels", "split"), field("stream", "true"), stereo]));
    const deltas = streamed.filter(({ type }) => type === "transcript.text.delta").map(({ delta }) => delta);
    expect(deltas.join("")).toBe(streamed.at(-1)?.text);
    expect(streamed.filter(({ type }) => type === "transcript.text.segment").length).toBe(lettered.segments.length);
  });

  it("silence is 200 with an empty text in every format", async () => {
    await start();
    const silence = { ...FILE, value: noiseWav(0, 2) };
    for (const format of ["json", "verbose_json", "diarized_json"]) {
      const answer = await send([silence, field("response_format", format)]);
      expect([answer.status, answer.json.text]).toEqual([200, ""]);
    }
    expect((await send([silence, field("response_format", "text")])).text).toBe("");
    expect(events(await send([silence, field("stream", "true")]))).toMatchObject([
      { type: "transcript.text.done", text: "" },
    ]);
  });

  it("tells in `warnings` what was repaired", async () => {
    await start();
    const cut = { ...FILE, value: WAV.subarray(0, WAV.length - 20_000) };
    expect((await send([cut])).json.warnings).toEqual([expect.objectContaining({ code: "truncated" })]);
  });
});

describe("events", () => {
  const spoken = {
    ...FILE,
    value: Buffer.concat([noiseWav(2, 2), noiseWav(1, 2).subarray(44), noiseWav(3, 1).subarray(44)]),
  };

  it("deltas add up to the final text, which is that of the other formats", async () => {
    await start();
    const whole = (await send([spoken])).json.text;
    const answer = await send([field("stream", "true"), spoken, field("include[]", "logprobs")]);
    const list = events(answer);
    const deltas = list.filter(({ type }) => type === "transcript.text.delta");
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.map(({ delta }) => delta).join("")).toBe(whole);
    expect(list.at(-1)).toMatchObject({ type: "transcript.text.done", text: whole, languages: [{ code: "ru" }] });
    expect(list.at(-1)?.logprobs.length).toBe(deltas.flatMap(({ logprobs }) => logprobs).length);
  });

  it("leave at once through proxies that buffer", async () => {
    await start();
    const { headers } = await send([FILE, field("stream", "True"), field("response_format", "srt")]);
    expect([headers.get("content-type"), headers.get("x-accel-buffering"), headers.get("cache-control")]).toEqual([
      "text/event-stream; charset=utf-8",
      "no",
      "no-cache, no-transform",
    ]);
  });

  it("an error before the first event has its status, one after it is an event with the error object", async () => {
    await start({
      engine: createFakeEngine({
        workers: 1,
        onWindow: (number) => {
          if (number > 1) throw new Error("/secret/path");
        },
      }),
    });
    const broken = await send([field("stream", "true"), { ...FILE, value: "not audio at all, sorry" }]);
    expect([broken.status, broken.json.error.type]).toEqual([415, "invalid_request_error"]);
    const last = events(await send([field("stream", "true"), spoken])).at(-1);
    expect(last).toEqual({
      error: { message: expect.any(String), type: "server_error", param: null, code: expect.any(String) },
    });
    expect(JSON.stringify(last)).not.toContain("secret");
  });
});

describe("errors", () => {
  it.each<[string, readonly FormPart[], number, string, string | null]>([
    ["no file", [field("model", "x")], 400, "bad_request", "file"],
    ["an empty file", [{ ...FILE, value: "" }], 400, "empty_body", "file"],
    ["a format that does not exist", [FILE, field("response_format", "xml")], 400, "bad_request", "response_format"],
    [
      "times of letters",
      [FILE, field("timestamp_granularities[]", "letter")],
      400,
      "bad_request",
      "timestamp_granularities",
    ],
    ["a stream that is maybe", [FILE, field("stream", "maybe")], 400, "bad_request", "stream"],
    ["an unsupported language", [FILE, field("language", "de-DE")], 400, "unsupported_language", "language"],
    [
      "only unsupported languages",
      [FILE, field("languages[]", "de"), field("languages[]", "en")],
      400,
      "unsupported_language",
      "language",
    ],
    ["no audio", [{ ...FILE, value: "<html></html>" }], 415, "unsupported_media", null],
    ["broken audio", [{ ...FILE, value: WAV.subarray(0, 40) }], 422, "invalid_audio", null],
  ])("%s: all four keys, a request id, and no second try", async (_name, parts, status, code, param) => {
    await start();
    const answer = await send(parts);
    expect([answer.status, answer.json]).toEqual([
      status,
      { error: { message: expect.any(String), type: "invalid_request_error", param, code } },
    ]);
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(answer.headers.get("x-request-id")).toMatch(/^[\w-]{10,}$/);
    expect([heldBytes(), server?.runtime.context.admission.available]).toEqual([0, 4]);
  });

  it("a body that is not a form, and one over the limit while it is read", async () => {
    await start({ config: { limits: { ...defaultConfig.limits, bodyBytes: 50_000 } } });
    const raw = await send([], { body: WAV, headers: { "content-type": "audio/wav" } });
    expect([raw.status, raw.json.error.param]).toEqual([400, "file"]);
    const large = await send([FILE]);
    expect([large.status, large.json.error.code]).toEqual([413, "payload_too_large"]);
    expect(heldBytes()).toBe(0);
  });

  it("of the routes beside it: 405, 404 of a model, 400 of a translation", async () => {
    const { url } = await start();
    const ask = async (path: string, method = "GET"): Promise<unknown> => {
      const response = await fetch(url + path, { method });
      const { error } = (await response.json()) as { error: { code: string } }; // the server's own answer
      return [response.status, error.code, response.headers.get("x-should-retry")];
    };
    expect(await ask(PATH)).toEqual([405, "method_not_allowed", "false"]);
    expect(await ask("/v1/models/none")).toEqual([404, "model_not_found", "false"]);
    expect(await ask("/v1/audio/translations", "POST")).toEqual([400, "unsupported_task", "false"]);
  });

  it("while the model loads for longer than a request is held: when to come back, in seconds and milliseconds", async () => {
    await start({ start: false, config: { pool: { checkoutTimeoutMs: 100, holdTimeoutMs: 100 } } });
    const { status, json, headers } = await send([FILE]);
    expect([status, json.error.code, headers.get("retry-after"), headers.get("retry-after-ms")]).toEqual([
      503,
      "initializing",
      "5",
      "5000",
    ]);
    expect(headers.get("x-should-retry")).toBeNull();
  });
});

describe("a server whose model loads", () => {
  const engine = (options: object = {}): Engine => createFakeEngine({ loadMs: 300, ...options });
  const audio = {
    file: new File([new Uint8Array(WAV)], "a.wav"),
    audio_file: new File([new Uint8Array(WAV)], "a.wav"),
  };
  const post = (path: string, name: keyof typeof audio): Promise<Response> => {
    const body = new FormData();
    body.append(name, audio[name]);
    return fetch(`${server?.url}${path}`, { method: "POST", body });
  };
  const ASK = [
    [PATH, "file"],
    ["/asr?output=srt&language=ru", "audio_file"],
    ["/detect-language", "audio_file"],
  ] as const;

  it.each(ASK)("holds %s until it is there, in the language that it turns out to have", async (path, name) => {
    const { runtime } = await start({ engine: engine(), start: false });
    const answer = post(path, name);
    await sleep(100);
    await runtime.start();
    expect((await answer).status).toBe(200);
    expect(heldBytes()).toBe(0);
  });

  it.each(ASK)(
    "ends %s with an error of its own when the model cannot be loaded, or the server ends",
    async (path, name) => {
      const { runtime } = await start({ engine: engine({ loadError: "no such model" }), start: false });
      const failed = post(path, name);
      await sleep(100);
      await runtime.start().catch(() => {});
      expect((await failed).status).toBe(503);
      await server?.close();
      await start({ engine: engine(), start: false });
      const cut = post(path, name);
      await expect.poll(() => server?.runtime.context.exchanges.size).toBe(1);
      void server?.runtime.drain.begin("test");
      expect((await cut).status).toBe(503);
    },
  );

  it("lets a client go that does not wait", async () => {
    const { url, runtime } = await start({ engine: engine(), start: false });
    const controller = new AbortController();
    const gone = fetch(url + PATH, {
      method: "POST",
      body: formBytes([FILE]),
      headers: { "content-type": FORM_TYPE },
      signal: controller.signal,
    });
    await expect.poll(() => runtime.context.exchanges.size).toBe(1);
    controller.abort();
    await expect(gone).rejects.toThrow();
    await expect.poll(() => runtime.context.exchanges.size).toBe(0);
    expect(heldBytes()).toBe(0);
  });

  it("loads an unloaded model again and answers", async () => {
    await start({ engine: engine({ loadMs: 50, idleUnloadMs: 300 }) });
    await expect.poll(() => server?.runtime.context.engine.state).toBe("unloaded");
    expect((await send([FILE])).status).toBe(200);
  });
});

describe("a busy server", () => {
  const pool = (more: object = {}): object => ({
    pool: { size: 1, queue: 4, checkoutTimeoutMs: 100, holdTimeoutMs: 60_000, ...more },
  });

  it("serves three parallel chunks on a pool of one, each after the other", async () => {
    await start({ engine: createPacedEngine({ transcribeMs: 300 }), config: pool() });
    const answers = await Promise.all([send([FILE]), send([FILE]), send([FILE])]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it("holds them longer than a request of the native route", async () => {
    const { url } = await start({ engine: createPacedEngine({ transcribeMs: 800 }), config: pool() });
    const first = send([FILE]);
    await sleep(100);
    const held = send([FILE]);
    const native = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(WAV) });
    expect([native.status, ((await native.json()) as { code: string }).code]).toEqual([503, "timeout"]); // the server's own answer
    expect([(await first).status, (await held).status]).toEqual([200, 200]);
  });

  it("refuses when the queue is full, with the time to wait", async () => {
    await start({ engine: createPacedEngine({ transcribeMs: 60_000 }), config: pool({ queue: 1 }) });
    const stop = new AbortController();
    const running = [send([FILE], { signal: stop.signal }), send([FILE], { signal: stop.signal })];
    await expect.poll(() => server?.runtime.context.admission.waiters).toBe(1);
    const refused = await send([FILE]);
    expect([refused.status, refused.json.error.code, refused.json.error.type]).toEqual([
      503,
      "queue_full",
      "server_error",
    ]);
    expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(0);
    expect(refused.headers.get("x-should-retry")).toBeNull();
    stop.abort();
    await Promise.allSettled(running);
  });

  it("forgets a client that hangs up in the queue or while it is transcribed", async () => {
    await start({ engine: createPacedEngine({ transcribeMs: 60_000 }), config: pool() });
    const stop = new AbortController();
    const all = Array.from({ length: 3 }, () => send([FILE], { signal: stop.signal }));
    await expect.poll(() => server?.runtime.context.admission.waiters).toBe(2);
    stop.abort();
    await Promise.allSettled(all);
    await expect
      .poll(() => [server?.runtime.context.admission.waiters, server?.runtime.context.admission.available, heldBytes()])
      .toEqual([0, 1, 0]);
  });

  it("tells those who wait at a drain", async () => {
    await start({ engine: createPacedEngine({ transcribeMs: 500 }), config: pool() });
    const first = send([FILE]);
    await expect.poll(() => server?.runtime.context.admission.available).toBe(0);
    const waiting = send([FILE]);
    await expect.poll(() => server?.runtime.context.admission.waiters).toBe(1);
    const drained = server?.runtime.drain.begin("test");
    expect((await waiting).json.error.code).toBe("pool_closed");
    expect((await first).status).toBe(200);
    await drained;
  });
});

it("a form that ends in the middle gives its memory back", async () => {
  const { url, runtime } = await start();
  const bytes = formBytes([FILE]).subarray(0, 30_000);
  const response = await fetch(url + PATH, { method: "POST", body: bytes, headers: { "content-type": FORM_TYPE } });
  expect(response.status).toBe(400);
  expect(((await response.json()) as { error: { message: string } }).error.message).toContain("ends early"); // the server's own answer
  expect(runtime.context.uploads.heldBytes).toBe(0);
});
