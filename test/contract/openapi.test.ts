import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { TRANSCRIBE_PARAMETERS } from "../../src/runtime/http/transcribe/transcribe-query.ts";
import { ALL_ROUTES } from "../../src/shared/protocol.ts";
import { FORM_TYPE, formBytes, noiseWav } from "../support/forms.ts";
import type { FormPart } from "../support/forms.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// The OpenAPI document is valid, complete, and says what the server answers.

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: object;
}
interface OperationObject {
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

const folder = mkdtempSync(join(tmpdir(), "gigastt-openapi-"));
let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startTestServer({
    engine: createFakeEngine(),
    jobsDir: join(folder, "jobs"),
    archiveDir: join(folder, "archive"),
    config: {
      rateLimit: { perMinute: 0 },
      jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0 },
      archive: { ...defaultConfig.archive, enabled: true, shared: true, requests: true, diskReserveBytes: 0 },
    },
  });
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document; // the server's own answer
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

it("is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate({ ...document });
  expect(result).toMatchObject({ valid: true });
});

it("says where a key may be asked for: everywhere but on probes", () => {
  for (const { path, methods, traffic, face } of ALL_ROUTES) {
    if (traffic === "websocket" || face === "console") continue;
    for (const method of methods) {
      const { security } = document.paths[path]![method.toLowerCase()]!; // the test above
      expect(security).toEqual(traffic === "probe" ? [] : [{}, { bearer: [] }, { basic: [] }]);
    }
  }
});

it("has every HTTP route of the table with its methods, and no other", () => {
  const routes = ALL_ROUTES.filter(({ traffic, face }) => traffic !== "websocket" && face !== "console");
  expect(Object.fromEntries(Object.entries(document.paths).map(([path, item]) => [path, Object.keys(item)]))).toEqual(
    Object.fromEntries(routes.map(({ path, methods }) => [path, methods.map((method) => method.toLowerCase())])),
  );
});

it("names every parameter that the routes of recordings read", () => {
  const named = (path: string, method = "post"): string[] =>
    (document.paths[path]?.[method]?.parameters ?? []).map(({ name }) => name);
  const both = new Set([...named("/v1/transcribe"), ...named("/v1/transcribe/stream")]);
  expect([...both].sort()).toEqual([...TRANSCRIBE_PARAMETERS].sort());
  for (const path of ["/v1/jobs", "/v1/uploads"])
    expect(named(path)).toEqual(expect.arrayContaining(named("/v1/transcribe")));
});

describe("answers have the documented form", () => {
  const wav = noiseWav(2, 1);
  const form = (...parts: readonly FormPart[]): RequestInit => ({
    method: "POST",
    headers: { "content-type": FORM_TYPE },
    body: formBytes([{ name: "file", value: wav, fileName: "a" }, ...parts]),
  });
  const recording = (): RequestInit => ({
    ...form(),
    body: formBytes([{ name: "audio_file", value: wav, fileName: "a" }]),
  });
  const format = (value: string): FormPart => ({ name: "response_format", value });
  const body = (bytes: Uint8Array): RequestInit => ({ method: "POST", body: new Uint8Array(bytes) });

  it.each<[string, string, number, RequestInit?]>([
    ["/health", "/health", 200],
    ["/ready", "/ready", 200],
    ["/v1/models", "/v1/models", 200],
    ["/v1/models/whisper-1", "/v1/models/{id}", 200],
    ["/v1/models/none", "/v1/models/{id}", 404],
    ["/openapi.json", "/openapi.json", 200],
    ["/metrics", "/metrics", 404],
    ["/v1/transcribe?segments=1", "/v1/transcribe", 200, body(wav)],
    ["/v1/transcribe?channels=split", "/v1/transcribe", 200, body(wav)],
    ["/v1/transcribe?format=vtt", "/v1/transcribe", 200, body(wav)],
    ["/v1/transcribe", "/v1/transcribe", 200, body(wav.subarray(0, 40_000))],
    ["/v1/transcribe?format=x", "/v1/transcribe", 400, body(wav)],
    ["/v1/transcribe/stream", "/v1/transcribe/stream", 200, body(wav)],
    ["/v1/audio/transcriptions", "/v1/audio/transcriptions", 200, form({ name: "include[]", value: "logprobs" })],
    ["/v1/audio/transcriptions", "/v1/audio/transcriptions", 200, form(format("srt"))],
    [
      "/v1/audio/transcriptions",
      "/v1/audio/transcriptions",
      200,
      form(format("verbose_json"), { name: "timestamp_granularities[]", value: "word" }),
    ],
    ["/v1/audio/transcriptions", "/v1/audio/transcriptions", 200, form(format("diarized_json"))],
    ["/v1/audio/transcriptions", "/v1/audio/transcriptions", 200, form({ name: "stream", value: "true" })],
    ["/v1/audio/transcriptions", "/v1/audio/transcriptions", 400, form(format("xml"))],
    ["/v1/audio/translations", "/v1/audio/translations", 400, form()],
    ["/asyncapi.json", "/asyncapi.json", 200],
    ["/api/speech-to-text", "/api/speech-to-text", 200, body(wav)],
    ["/asr?output=srt", "/asr", 200, recording()],
    ["/asr?output=x", "/asr", 400, recording()],
    ["/detect-language", "/detect-language", 200, recording()],
    ["/v1/jobs?limit=x", "/v1/jobs", 400],
    ["/v1/jobs/none", "/v1/jobs/{id}", 404],
    ["/v1/archive?limit=0", "/v1/archive", 400],
    ["/v1/archive/none", "/v1/archive/{id}", 404],
    ["/v1/uploads", "/v1/uploads", 412, { method: "POST" }],
  ])("%s of %s: %i", async (target, path, status, init = {}) => {
    await check(target, path, status, init);
  });

  it("from the first to the last request about a job, an upload and an archived transcript", async () => {
    const { job_id: id } = JSON.parse(await check("/v1/jobs?priority=bulk", "/v1/jobs", 202, body(wav)));
    await expect
      .poll(async () => JSON.parse(await check(`/v1/jobs/${id}`, "/v1/jobs/{id}", 200)).status, { timeout: 20_000 })
      .toBe("done");
    await check("/v1/jobs?limit=1", "/v1/jobs", 200);
    await check("/v1/jobs", "/v1/jobs", 202, form({ name: "format", value: "srt" }));
    for (const format of ["json&segments=1", "srt", "html"])
      await check(`/v1/jobs/${id}/result?format=${format}`, "/v1/jobs/{id}/result", 200);
    await check(`/v1/jobs/${id}/events`, "/v1/jobs/{id}/events", 200);
    await check(`/v1/jobs/${id}/events?last_event_id=999`, "/v1/jobs/{id}/events", 204);
    await check(`/v1/jobs/${id}/retry`, "/v1/jobs/{id}/retry", 409, { method: "POST" });
    await check(`/v1/jobs/${id}`, "/v1/jobs/{id}", 409, { method: "DELETE" });
    const { data } = JSON.parse(await check("/v1/archive?hits=1", "/v1/archive", 200));
    await check(`/v1/archive/${data[0].id}`, "/v1/archive/{id}", 200);
    await check(`/v1/archive/${data[0].id}?format=txt`, "/v1/archive/{id}", 200);
    await check(`/v1/archive/${data[0].id}`, "/v1/archive/{id}", 204, { method: "DELETE" });
    await check(`/v1/jobs/${id}/purge`, "/v1/jobs/{id}/purge", 204, { method: "POST" });

    const broken = JSON.parse(
      await check("/v1/jobs", "/v1/jobs", 202, body(Buffer.from("no audio at all, only text"))),
    );
    await expect
      .poll(async () => JSON.parse(await check(`/v1/jobs/${broken.job_id}`, "/v1/jobs/{id}", 200)).status)
      .toBe("failed");
    await check(`/v1/jobs/${broken.job_id}/retry`, "/v1/jobs/{id}/retry", 202, { method: "POST" });

    const tus = { "tus-resumable": "1.0.0" };
    const begin = { method: "POST", headers: { ...tus, "upload-length": String(wav.length) } };
    await check("/v1/uploads", "/v1/uploads", 201, begin);
    const place = (await fetch(`${server.url}/v1/uploads`, begin)).headers.get("location") ?? "";
    const part = { ...tus, "content-type": "application/offset+octet-stream", "upload-offset": "0" };
    await check(place, "/v1/uploads/{id}", 200);
    await check(place, "/v1/uploads/{id}", 204, {
      method: "PATCH",
      headers: part,
      body: new Uint8Array(wav.subarray(0, 999)),
    });
    await check(place, "/v1/uploads/{id}", 409, {
      method: "PATCH",
      headers: part,
      body: new Uint8Array(wav.subarray(0, 9)),
    });
    await check(place, "/v1/uploads/{id}", 204, { method: "DELETE", headers: tus });
  });

  it("every method of every route is asked above, except where no server of this suite has it", () => {
    const all = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(all.filter((operation) => !checked.has(operation))).toEqual([]);
  });
});

const checked = new Set<string>();

/** Asks the server and compares status, type, headers and body with the document. Returns the body. */
async function check(target: string, path: string, status: number, init: RequestInit = {}): Promise<string> {
  const response = await fetch(server.url + target, init);
  const text = await response.text();
  expect(response.status, text).toBe(status);
  const method = (init.method ?? "GET").toLowerCase();
  checked.add(`${method} ${path}`);
  const { responses } = document.paths[path]?.[method] ?? {};
  const documented = responses?.[String(status)] ?? responses?.["default"];
  expect(documented, `${status} is documented`).toBeDefined();
  if (status < 300) expect(responses?.[String(status)], `${status} is named`).toBeDefined();
  const type = response.headers.get("content-type")?.replace(/;.*/, "") ?? "";
  const schema = documented?.content?.[type]?.schema;
  if (documented?.content === undefined) expect(text, "no body is documented").toBe("");
  else expect(schema, `${type} is documented`).toBeDefined();
  if (schema === undefined) return text;
  const validate = new Ajv2020({ strict: false, formats: { uri: true } }).compile({
    ...schema,
    components: document.components,
  });
  validate(type.includes("json") ? JSON.parse(text) : text);
  expect(validate.errors).toBeNull();
  return text;
}
