import { afterAll, beforeAll, expect, test } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { FORM_TYPE, formBytes, noiseWav } from "../support/forms.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// A model of several languages. The fake engine counts in Russian words.

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ engine: createFakeEngine({ languages: ["ru", "en", "kk"] }) });
});
afterAll(() => server.close());

async function post(path: string, fields: Record<string, string>, part = "file"): Promise<Record<string, unknown>> {
  const parts = Object.entries(fields).map(([name, value]) => ({ name, value }));
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": FORM_TYPE },
    body: formBytes([...parts, { name: part, value: noiseWav(2, 1), fileName: "audio.wav" }]),
  });
  return (await response.json()) as Record<string, unknown>; // the server's own JSON
}
const openAi = (fields: Record<string, string>): Promise<Record<string, unknown>> =>
  post("/v1/audio/transcriptions", fields);

test("a language of the model is accepted and answered, another one refused with the list", async () => {
  expect(await openAi({ language: "kk" })).toMatchObject({ languages: [{ code: "kk" }] });
  expect(await openAi({ language: "kk", response_format: "verbose_json" })).toMatchObject({ language: "kazakh" });
  expect(await openAi({ language: "uz" })).toMatchObject({
    error: { code: "unsupported_language", message: expect.stringContaining("kazakh (kk), got") },
  });
  expect(await post("/asr?output=json&language=kk", {}, "audio_file")).toMatchObject({ language: "kk" });
});

test("without one the text decides", async () => {
  expect(await openAi({})).toMatchObject({ languages: [{ code: "ru" }] });
  expect(await post("/asr?output=json", {}, "audio_file")).toMatchObject({ language: "ru" });
  expect(await post("/detect-language", {}, "audio_file")).toMatchObject({
    detected_language: "russian",
    language_code: "ru",
  });
});
