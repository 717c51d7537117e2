import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createFakeEngine } from "../../src/engine/fake.ts";
import type { HotWord } from "../../src/shared/hot-words.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { openWyoming, SHAPE, sound } from "../support/wyoming-client.ts";
import { connect } from "../support/ws-client.ts";

/** Every way in for words to expect: the engine gets the same list, and the same bad lists are refused. */

/** What a door answered to audio with these phrases: nothing wrong, or the error's code and text. */
type Door = (place: Place, phrases: readonly string[]) => Promise<Refusal | undefined>;
interface Place extends TestServer {
  readonly wyoming: number;
  readonly vosk: number;
}
interface Refusal {
  readonly code: string | undefined;
  readonly text: string;
}

let server: TestServer | undefined;
afterEach(() => server?.close());

const WAV = wavFile(new Int16Array(new Uint8Array(sound(1)).buffer), 16_000);

async function post(url: string, body: Uint8Array | FormData): Promise<Refusal | undefined> {
  const response = await fetch(url, { method: "POST", body });
  const text = await response.text();
  if (response.ok) return undefined;
  expect(response.status).toBe(400);
  return { code: response.headers.get("x-error-code") ?? /"code":\s*"(\w+)"/.exec(text)?.[1], text };
}

const inQuery =
  (path: string, name: string): Door =>
  ({ url }, phrases) =>
    post(`${url}${path}?${name}=${encodeURIComponent(phrases.join(","))}`, WAV);

const DOORS: Readonly<Record<string, Door>> = {
  "/v1/transcribe?hotwords=": inQuery("/v1/transcribe", "hotwords"),
  "/api/speech-to-text?transcript_names=": inQuery("/api/speech-to-text", "transcript_names"),
  "/asr?hotwords=": ({ url }, phrases) => {
    const form = new FormData();
    form.append("audio_file", new Blob([WAV]), "a.wav");
    return post(`${url}/asr?hotwords=${encodeURIComponent(phrases.join(","))}`, form);
  },
  "keywords[] of OpenAI": ({ url }, phrases) => {
    const form = new FormData();
    form.append("file", new Blob([WAV]), "a.wav");
    for (const phrase of phrases) form.append("keywords[]", phrase);
    return post(`${url}/v1/audio/transcriptions`, form);
  },
  "configure of a WebSocket session": async ({ port }, phrases) => {
    const client = await connect(`ws://127.0.0.1:${port}/v1/ws`);
    await client.nextOf("ready");
    client.send({ type: "configure", hotwords: phrases });
    client.audio(sound(1));
    client.send({ type: "stop" });
    await client.closed;
    const error = client.received.find(({ type }) => type === "error");
    return error && { code: String(error["code"]), text: JSON.stringify(error) };
  },
  "transcribe of Wyoming": async ({ wyoming }, phrases) => {
    const client = await openWyoming({ port: wyoming });
    client.send("transcribe", { transcript_names: phrases.slice(0, 1), transcript_terms: phrases.slice(1) });
    client.send("audio-start", SHAPE);
    client.chunk(sound(1));
    client.send("audio-stop");
    const answer = await Promise.race([client.wait("transcript"), client.wait("error")]).catch(() => client.events[0]!);
    client.socket.destroy();
    return answer.type === "error"
      ? { code: String(answer.data["code"]), text: String(answer.data["text"]) }
      : undefined;
  },
  "config.phrase_list of Vosk": async ({ vosk }, phrases) => {
    const socket = new WebSocket(`ws://127.0.0.1:${vosk}/`);
    const answers: Record<string, unknown>[] = [];
    socket.on("message", (data: Buffer) => answers.push(JSON.parse(data.toString()) as Record<string, unknown>));
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.send(JSON.stringify({ config: { sample_rate: 16_000, phrase_list: [...phrases, "[unk]"] } }));
    socket.send(sound(1));
    socket.send('{"eof" : 1}');
    await new Promise((resolve) => socket.once("close", resolve));
    const error = answers.find((answer) => "code" in answer);
    return error && { code: String(error["code"]), text: JSON.stringify(error) };
  },
};

async function start(): Promise<{ place: Place; heard: (readonly HotWord[] | undefined)[] }> {
  const engine = createFakeEngine();
  const heard: (readonly HotWord[] | undefined)[] = [];
  const { openStream, transcribe } = engine;
  engine.openStream = (job) => {
    heard.push(job.hotWords);
    return openStream(job);
  };
  engine.transcribe = (job) => {
    heard.push(job.hotWords);
    return transcribe(job);
  };
  const started = await startTestServer({ engine });
  server = started;
  const wyoming = await started.runtime.listenFor("wyoming", { host: "127.0.0.1", port: 0 });
  const vosk = await started.runtime.listenFor("vosk", { host: "127.0.0.1", port: 0 });
  return { place: { ...started, wyoming: wyoming.port, vosk: vosk.port }, heard };
}

describe.each(Object.entries(DOORS))("%s", (_name, door) => {
  it("gives the engine the phrases, with their boosts", async () => {
    const { place, heard } = await start();
    expect(await door(place, ["Габриэлян", "умная  розетка:5", "чайник:0.5"])).toBeUndefined();
    expect(heard).toEqual([
      [
        { text: "Габриэлян", boost: 3 },
        { text: "умная розетка", boost: 5 },
        { text: "чайник", boost: 0.5 },
      ],
    ]);
  });

  it.each([
    ["a boost above 10", ["чайник:11"], "boost"],
    ["a phrase of 101 characters", ["ы".repeat(101)], "100 characters"],
    ["201 phrases", Array.from({ length: 201 }, (_, n) => `w${n}`), "at most 200"],
    ["control characters", ["a\u0007b"], "control characters"],
  ])("refuses %s as bad_request, and says the rule", async (_what, phrases, rule) => {
    const { place } = await start();
    const refusal = await door(place, phrases);
    expect(refusal?.code).toBe("bad_request");
    // Errors of /asr have no body.
    if (refusal?.text !== "") expect(refusal?.text).toContain(rule);
  });
});
