import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
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
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startTestServer({ engine: createFakeEngine() });
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document; // the server's own answer
});
afterAll(() => server.close());

it("is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate({ ...document });
  expect(result).toMatchObject({ valid: true });
});

it("has every HTTP route of the table with its methods, and no other", () => {
  const routes = ALL_ROUTES.filter(({ traffic, face }) => traffic !== "websocket" && face !== "console");
  expect(Object.fromEntries(Object.entries(document.paths).map(([path, item]) => [path, Object.keys(item)]))).toEqual(
    Object.fromEntries(routes.map(({ path, methods }) => [path, methods.map((method) => method.toLowerCase())])),
  );
});

describe("answers have the documented form", () => {
  const wav = noiseWav(2, 1);
  const form = (...parts: readonly FormPart[]): RequestInit => ({
    method: "POST",
    headers: { "content-type": FORM_TYPE },
    body: formBytes([{ name: "file", value: wav, fileName: "a" }, ...parts]),
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
  ])("%s of %s: %i", async (target, path, status, init = {}) => {
    const response = await fetch(server.url + target, init);
    expect(response.status).toBe(status);
    const operation = document.paths[path]?.[(init.method ?? "GET").toLowerCase()];
    const documented = operation?.responses[String(status)] ?? operation?.responses["default"];
    const type = response.headers.get("content-type")?.replace(/;.*/, "") ?? "";
    const schema = documented?.content?.[type]?.schema;
    expect(schema, `${type} is documented`).toBeDefined();
    const text = await response.text();
    const validate = new Ajv2020({ strict: false }).compile({ ...schema, components: document.components });
    validate(type.includes("json") ? JSON.parse(text) : text);
    expect(validate.errors).toBeNull();
  });
});
