import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { FORM_TYPE, formBytes } from "../support/forms.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// A telephone call: the left speaker says three words in the first seconds, the right one two words later. Every face must tell who said what.

const RATE_HZ = 16_000;
const LEFT_UNTIL_S = 1.3;
const RIGHT_FROM_S = 3;
const CALL = stereoCall();

let dir: string;
let server: TestServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-channels-"));
  server = await startTestServer({
    jobsDir: dir,
    engine: createFakeEngine(),
    config: { jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0 } },
  });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

interface Said {
  readonly start: number;
  readonly text: string;
  readonly speaker: unknown;
}

/** Checks that what begins early is the left speaker's and what begins late the right one's, and that both spoke. */
function expectSpeakers(said: readonly Said[], [left, right]: readonly [unknown, unknown]): void {
  expect(said.map(({ start, speaker }) => [start < LEFT_UNTIL_S ? left : right, speaker])).toEqual(
    said.map(({ speaker }) => [speaker, speaker]),
  );
  expect(new Set(said.map(({ speaker }) => speaker))).toEqual(new Set([left, right]));
}

describe("two speakers on two channels", () => {
  test("JSON: each word and each segment says its channel", async () => {
    const body = await jsonOf(post("/v1/transcribe?channels=split&segments=true"));
    expectSpeakers(saidBy(body["words"], "channel"), [0, 1]);
    expectSpeakers(saidBy(body["segments"], "channel"), [0, 1]);
    expect(body["channels"].map(({ text }: { text: string }) => text)).toEqual(["раз два три", "раз два"]);
  });

  test("subtitles and documents name the channel", async () => {
    const as = (format: string): Promise<string> => textOf(post(`/v1/transcribe?channels=split&format=${format}`));
    expect((await as("srt")).match(/\[\d\] .*/g)).toEqual(["[1] раз два три", "[2] раз два"]);
    expect((await as("vtt")).match(/<v .*/g)).toEqual([
      expect.stringContaining("Channel 1>раз два три"),
      expect.stringContaining("Channel 2>раз два"),
    ]);
    expect(
      (await as("tsv"))
        .trim()
        .split("\n")
        .map((row) => row.split("\t").at(-1)),
    ).toEqual(["speaker", "Channel 1", "Channel 2"]);
    expect((await as("md")).match(/^## .*/gm)).toEqual(["## Channel 1", "## Channel 2"]);
  });

  test("the event stream says the channel of each final", async () => {
    const events = eventsOf(await textOf(post("/v1/transcribe/stream?channels=split")));
    const finals = events.filter(({ type }) => type === "final");
    expectSpeakers(
      finals.map(({ words, text, channel }) => ({ start: words[0].start, text, speaker: channel })),
      [0, 1],
    );
    expect(eventsOf(await textOf(post("/v1/transcribe/stream"))).every((event) => !("channel" in event))).toBe(true);
  });

  test("a job's result", async () => {
    const { job_id: id } = await jsonOf(post("/v1/jobs?channels=split"));
    await expect.poll(async () => (await jsonOf(get(`/v1/jobs/${id}`)))["status"], { timeout: 20_000 }).toBe("done");
    const result = await jsonOf(get(`/v1/jobs/${id}/result`));
    expectSpeakers(saidBy(result["words"], "channel"), [0, 1]);
    const srt = await textOf(get(`/v1/jobs/${id}/result?format=srt`));
    expect(srt.match(/\[\d\] .*/g)).toEqual(["[1] раз два три", "[2] раз два"]);
  });

  test("OpenAI: diarized_json, its events, and subtitles with names", async () => {
    const diarized = JSON.parse(await form({ response_format: "diarized_json", channels: "split" })) as Json;
    expectSpeakers(saidBy(diarized["segments"], "speaker"), ["A", "B"]);
    const streamed = eventsOf(await form({ response_format: "diarized_json", channels: "split", stream: "true" }));
    const segments = streamed.filter(({ type }) => type === "transcript.text.segment");
    expectSpeakers(saidBy(segments, "speaker"), ["A", "B"]);
    const deltas = streamed.filter(({ type }) => type === "transcript.text.delta").map(({ delta }) => delta);
    expect(deltas.join("")).toBe(streamed.at(-1)?.["text"]);
    const srt = await form({ response_format: "srt", "known_speaker_names[]": "Анна" });
    expect(srt.match(/\[.*\] .*/g)).toEqual(["[Анна] раз два три", "[2] раз два"]);
  });

  test("/asr: segments of JSON, subtitles and the table", async () => {
    const asr = async (output: string): Promise<string> =>
      (await send(`/asr?channels=split&output=${output}`, { audio_file: CALL })).text();
    expectSpeakers(saidBy((JSON.parse(await asr("json")) as Json)["segments"], "speaker"), [
      "SPEAKER_00",
      "SPEAKER_01",
    ]);
    expect((await asr("srt")).match(/\[\d\] .*/g)).toEqual(["[1] раз два три", "[2] раз два"]);
    expect((await asr("tsv")).trim().split("\n").length).toBe(3);
  });
});

// ---

/** Answers of several shapes; each test reads the keys that it checks. */
// oxlint-disable-next-line typescript/no-explicit-any -- the server's own JSON, in six shapes
type Json = Record<string, any>;

const saidBy = (parts: readonly Json[], key: string): Said[] =>
  parts.map((part) => ({ start: part["start"], text: part["word"] ?? part["text"], speaker: part[key] }));

const eventsOf = (text: string): Json[] =>
  [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Json);

const post = (path: string): Promise<Response> => fetch(server.url + path, { method: "POST", body: CALL });
const get = (path: string): Promise<Response> => fetch(server.url + path);
const jsonOf = async (response: Promise<Response>): Promise<Json> => (await (await response).json()) as Json;
const textOf = async (response: Promise<Response>): Promise<string> => (await response).text();

async function send(path: string, parts: Record<string, string | Uint8Array>): Promise<Response> {
  const fields = Object.entries(parts).map(([name, value]) =>
    typeof value === "string" ? { name, value } : { name, value, fileName: "call.wav" },
  );
  return fetch(server.url + path, { method: "POST", headers: { "content-type": FORM_TYPE }, body: formBytes(fields) });
}

const form = async (fields: Record<string, string>): Promise<string> =>
  (await send("/v1/audio/transcriptions", { ...fields, file: CALL })).text();

/** The fake engine hears a word in each half second of noise. */
function stereoCall(): Uint8Array {
  const frames = 5 * RATE_HZ;
  const samples = new Int16Array(2 * frames);
  for (let frame = 0; frame < frames; frame++) {
    const noise = ((frame * 7919) % 8192) - 4096;
    const atS = frame / RATE_HZ;
    if (atS < LEFT_UNTIL_S) samples[2 * frame] = noise;
    if (atS >= RIGHT_FROM_S && atS < RIGHT_FROM_S + 0.8) samples[2 * frame + 1] = noise;
  }
  const bytes = Buffer.alloc(44 + samples.byteLength);
  bytes.write("RIFF", 0, "latin1");
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8, "latin1");
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(RATE_HZ, 24);
  bytes.writeUInt32LE(RATE_HZ * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36, "latin1");
  bytes.writeUInt32LE(samples.byteLength, 40);
  Buffer.from(samples.buffer).copy(bytes, 44);
  return bytes;
}
