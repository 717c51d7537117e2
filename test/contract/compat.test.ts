import { afterEach, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { WIRE_ERROR_STATUS } from "../../src/shared/protocol.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

/** `/asr` and `/detect-language` as the clients of whisper-asr-webservice use them. */

let server: TestServer;
afterEach(() => server.close());
const start = async (options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> =>
  (server = await startTestServer({ engine: createFakeEngine(), ...options }));

/** Sound at 16 kHz: the fake engine says a number word for each half second of it. */
function sound(seconds: number, channels = 1): Int16Array {
  return new Int16Array(16_000 * seconds * channels).map((_, i) => ((i * 7919) % 20_000) - 10_000);
}
const pcm = (seconds: number): Buffer => Buffer.from(sound(seconds).buffer);

interface Sent {
  /** Request line and headers as the client writes them; `Host`, `Content-Length` and `Content-Type` are added. */
  readonly head: readonly string[];
  readonly boundary: string;
  readonly disposition: string;
  readonly type?: string;
  readonly audio: Uint8Array;
}

/** Bytes of the body that requests and httpx build for one file. */
function formOf({ boundary, disposition, type, audio }: Omit<Sent, "head">): Buffer {
  return Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`),
    Buffer.from(type === undefined ? "\r\n" : `Content-Type: ${type}\r\n\r\n`),
    audio,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

async function send(sent: Sent): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const body = formOf(sent);
  const raw = openRaw(server.port);
  const [line = "", ...headers] = sent.head;
  raw.write(
    [
      line,
      `Host: 127.0.0.1:${server.port}`,
      ...headers,
      `Content-Length: ${body.length}`,
      `Content-Type: multipart/form-data; boundary=${sent.boundary}`,
      "",
      "",
    ].join("\r\n"),
  );
  raw.write(body);
  const text = Buffer.from(await raw.until(/\r\n\r\n[^]*$/), "latin1").toString();
  const [head = ""] = text.split("\r\n\r\n");
  const fields = Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 2)]),
  );
  const length = Number(fields["content-length"]);
  while (Buffer.byteLength(raw.text, "latin1") < Buffer.byteLength(head) + 4 + length) await new Promise(setImmediate);
  raw.socket.destroy();
  const whole = Buffer.from(raw.text, "latin1");
  return {
    status: Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]),
    headers: fields,
    body: whole.subarray(whole.indexOf("\r\n\r\n") + 4).toString(),
  };
}

/** Bazarr by Python's requests: the file has no name, so requests gives it the name of the field. */
const bazarr = (path: string, audio: Uint8Array): Sent => ({
  head: [
    `POST ${path} HTTP/1.1`,
    "User-Agent: Subliminal/2.2.1",
    "Accept-Encoding: gzip, deflate",
    "Accept: */*",
    "Connection: keep-alive",
  ],
  boundary: "1bb022c2641b1e182f6fd4c851169427",
  disposition: 'name="audio_file"; filename="audio_file"',
  audio,
});

const FILM = "video_file=%2Fmedia%2F%D0%A1%D0%B5%D0%BA%D1%80%D0%B5%D1%82+%28%D1%84%D0%B8%D0%BB%D1%8C%D0%BC%29.mkv";

describe("Bazarr, byte for byte", () => {
  it("gets subtitles of headerless PCM", async () => {
    await start();
    const answer = await send(bazarr("/asr?task=transcribe&language=ru&output=srt&encode=false", pcm(2)));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.headers["content-disposition"]).toBe('attachment; filename="audio_file.srt"');
    expect(answer.headers["asr-engine"]).toBe("gigastt");
    expect(answer.body).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\nраз два три( четыре)?\n$/);
  });

  it("learns the language, for a track that names none", async () => {
    await start();
    const answer = await send(bazarr(`/detect-language?encode=false&${FILM}`, pcm(2)));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      { detected_language: "russian", language_code: "ru", confidence: expect.any(Number) },
    ]);
    expect(JSON.parse(answer.body).confidence).toBeGreaterThan(0);
  });

  it("keeps the path of the film out of the log, also when it fails", async () => {
    await start();
    await send(bazarr(`/asr?task=transcribe&language=ru&output=srt&encode=false&${FILM}`, pcm(1)));
    await send(bazarr(`/asr?task=translate&language=en&output=srt&encode=false&${FILM}`, pcm(1)));
    await send(bazarr(`/detect-language?encode=false&${FILM}`, new Uint8Array()));
    const log = JSON.stringify(server.lines);
    expect(log).toContain("/asr");
    expect(log).not.toMatch(/video_file|media|%D0|Секрет|фильм/);
  });

  it.each([
    ["task=translate", "unsupported_task"],
    ["language=en", "unsupported_language"],
    ["output=docx", "bad_request"],
    ["encode=perhaps", "bad_request"],
    ["channels=left", "bad_request"],
  ])("gets no text with %s, only a code", async (query, code) => {
    await start();
    const answer = await send(bazarr(`/asr?${query}&output=srt&encode=false`, pcm(1)));
    expect([answer.status, answer.headers["x-error-code"], answer.body]).toEqual([
      WIRE_ERROR_STATUS[code as keyof typeof WIRE_ERROR_STATUS], // a code of the rows above
      code,
      "",
    ]);
  });

  it("gets no text when the film is too large, the file empty, the form broken, or the recording no audio", async () => {
    await start({ config: { limits: { ...(await limits()), asrBodyBytes: 100_000, bodyBytes: 1000 } } });
    const path = "/asr?task=transcribe&language=ru&output=srt";
    const codes = [];
    for (const [sent, bytes] of [
      [`${path}&encode=false`, pcm(10)],
      [`${path}&encode=false`, new Uint8Array()],
      [path, Buffer.from("this is text, not audio, and long enough to be looked at")],
    ] as const) {
      const answer = await send(bazarr(sent, bytes));
      expect([answer.status >= 400, answer.body]).toEqual([true, ""]);
      codes.push(answer.headers["x-error-code"]);
    }
    expect(codes).toEqual(["payload_too_large", "empty_body", "unsupported_media"]);
    const { disposition } = bazarr(path, pcm(1));
    const other = await send({ ...bazarr(path, pcm(1)), disposition: disposition.replaceAll("audio_file", "file") });
    expect([other.status, other.headers["x-error-code"], other.body]).toEqual([400, "bad_request", ""]);
    const raw = await fetch(`${server.url}${path}`, { method: "POST", body: pcm(1) });
    expect([raw.status, raw.headers.get("x-error-code"), await raw.text()]).toEqual([400, "bad_request", ""]);
  });

  it.each(["/v1/asr", "//asr", "/whisper/asr"])(
    "gets no text from %s either: its address is set wrongly",
    async (path) => {
      await start();
      const answer = await send(bazarr(`${path}?output=srt&encode=false`, pcm(1)));
      expect([answer.status, answer.headers["x-error-code"], answer.body]).toEqual([404, "not_found", ""]);
    },
  );

  it("may send a film that is larger than limits.body", async () => {
    await start({ config: { limits: { ...(await limits()), bodyBytes: 100_000 } } });
    const answer = await send(bazarr("/asr?output=txt&encode=false", pcm(20)));
    expect([answer.status, answer.body.split(" ").length]).toEqual([200, expect.any(Number)]);
    expect(answer.body).toContain("девять");
    expect(server.runtime.context.uploads.heldBytes).toBe(0);
  });

  it("sends a whole film to /detect-language, of which two minutes are kept", async () => {
    await start({ engine: createPacedEngine() });
    const answer = await send(bazarr("/detect-language?encode=false", new Uint8Array(20 * 2 ** 20)));
    expect(answer.status).toBe(200);
    const { bytes } = server.lines.find(({ route }) => route === "/detect-language") ?? {};
    expect(bytes).toBe(120 * 32_000);
    expect(server.runtime.context.uploads.heldBytes).toBe(0);
  });

  it("hangs up in the middle of a film, and nothing is held", async () => {
    await start();
    const raw = openRaw(server.port);
    const body = formOf(bazarr("", pcm(60)));
    raw.write(
      `POST /asr?encode=false HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: ${body.length}\r\nContent-Type: multipart/form-data; boundary=1bb022c2641b1e182f6fd4c851169427\r\n\r\n`,
    );
    raw.write(body.subarray(0, 1_000_000));
    await expect.poll(() => server.runtime.context.uploads.heldBytes).toBeGreaterThan(0);
    raw.socket.destroy();
    await expect.poll(() => server.runtime.context.uploads.heldBytes).toBe(0);
    expect(server.runtime.context.exchanges.size).toBe(0);
    expect(server.runtime.context.admission.available).toBe(4);
  });
});

describe("Speakr, byte for byte", () => {
  const speakr = (query: string, audio: Uint8Array): Sent => ({
    head: [
      `POST /asr?${query} HTTP/1.1`,
      "Accept: */*",
      "Accept-Encoding: gzip, deflate",
      "Connection: keep-alive",
      "User-Agent: python-httpx/0.28.1",
    ],
    boundary: "b5aefe1a41e2b4bd35ba1a46ad14e4ed",
    disposition: 'name="audio_file"; filename="Совещание.m4a"',
    type: "audio/mp4",
    audio,
  });
  const wav = (): Uint8Array => wavFile(sound(2));

  it("gets text, segments and language as JSON", async () => {
    await start();
    const answer = await send(
      speakr(
        "encode=true&task=transcribe&output=json&language=ru&diarize=true&enable_diarization=true&min_speakers=1&max_speakers=4&initial_prompt=%D0%A2%D0%B5%D1%81%D1%82&hotwords=gigastt&model=large-v3",
        wav(),
      ),
    );
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      {
        text: expect.stringMatching(/^раз два три/),
        language: "ru",
        segments: [
          { id: 0, start: expect.any(Number), end: expect.any(Number), text: expect.stringMatching(/^раз два три/) },
        ],
      },
    ]);
  });

  it("gets the words of a segment when it asks for them", async () => {
    await start();
    const answer = await send(speakr("output=json&word_timestamps=True", wav()));
    const [segment] = JSON.parse(answer.body).segments;
    expect(segment.words[0]).toEqual({
      word: "раз",
      start: expect.any(Number),
      end: expect.any(Number),
      probability: expect.any(Number),
    });
    expect(segment.words.map(({ word }: { word: string }) => word).join(" ")).toBe(segment.text);
  });

  it("finds a server at /health", async () => {
    await start();
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });
});

describe("other clients of whisper-asr-webservice", () => {
  const post = async (query: string, audio: Uint8Array): Promise<Response> => {
    const form = new FormData();
    form.append("audio_file", new Blob([new Uint8Array(audio)]), "talk.wav");
    return fetch(`${server.url}/asr${query}`, { method: "POST", body: form });
  };
  const wav = (channels = 1): Uint8Array => {
    const file = wavFile(sound(2, channels));
    const view = new DataView(file.buffer);
    view.setUint16(22, channels, true);
    view.setUint32(28, 32_000 * channels, true);
    view.setUint16(32, 2 * channels, true);
    return file;
  };

  it.each([
    ["", /^раз два три[^]*\n$/],
    ["?output=txt", /^раз два три/],
    ["?output=vtt", /^WEBVTT\n\n00:00:/],
    ["?output=srt", /^1\n00:00:/],
    ["?output=tsv", /^start\tend\ttext\n\d+\t\d+\tраз/],
    ["?output=json&language=ru-RU", /^\{"text":"раз/],
    ["?language=Russian&task=", /^раз/],
  ])("get %s", async (query, body) => {
    await start();
    const response = await post(query, wav());
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toMatch(body);
  });

  it("get each channel as a speaker with channels=split", async () => {
    await start();
    const response = await post("?output=json&channels=split", wav(2));
    const { segments } = (await response.json()) as { segments: { speaker: string }[] };
    expect(new Set(segments.map(({ speaker }) => speaker))).toEqual(new Set(["SPEAKER_00", "SPEAKER_01"]));
  });

  it("get an empty file for silence", async () => {
    await start();
    const silence = wavFile(new Int16Array(16_000));
    expect(await (await post("?output=srt", silence)).text()).toBe("");
    expect(await (await post("?output=json", silence)).json()).toEqual({ text: "", segments: [], language: "ru" });
  });

  it("learn while the server drains that it is shutting down, without a body", async () => {
    await start();
    void server.runtime.drain.begin("test");
    const response = await post("?output=srt", wav()).catch(() => undefined);
    if (response !== undefined)
      expect([response.headers.get("x-error-code"), await response.text()]).toEqual(["shutting_down", ""]);
  });
});

async function limits() {
  const { defaultConfig } = await import("../../src/config/defaults.ts");
  return defaultConfig.limits;
}
