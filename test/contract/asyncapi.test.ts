import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { ALL_ROUTES } from "../../src/shared/protocol.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { silence, sound } from "../support/sound.ts";

// The AsyncAPI document is valid, complete, and says what the server sends.

interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: Messages }>>;
  readonly operations: Readonly<Record<string, { readonly messages: readonly { readonly $ref: string }[] }>>;
  readonly components: object;
}
type Messages = Readonly<Record<string, { readonly payload?: object }>>;

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startTestServer({ engine: createFakeEngine() });
  document = (await (await fetch(`${server.url}/asyncapi.json`)).json()) as Document; // the server's own answer
});
afterAll(() => server.close());

it("is valid AsyncAPI 3.0", () => {
  const schema = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0-without-$id.json") as object; // JSON
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const isValid = ajv.validate(schema, document);
  expect(ajv.errors?.slice(0, 3)).toBeUndefined();
  expect(isValid).toBe(true);
});

it("has every WebSocket route of the table, and refers to messages that exist", () => {
  const paths = ALL_ROUTES.filter(({ traffic }) => traffic === "websocket").map(({ path }) => path);
  expect(
    Object.values(document.channels)
      .map(({ address }) => address)
      .toSorted(),
  ).toEqual(paths.toSorted());
  for (const { messages } of Object.values(document.operations))
    for (const { $ref } of messages) {
      const [, , channel = "", , key = ""] = $ref.split("/");
      expect(document.channels[channel]?.messages[key], $ref).toBeDefined();
    }
});

describe("sessions say what the document says", () => {
  const event = (type: string, fields: object = {}): string => JSON.stringify({ type, ...fields });
  const append = (audio: Buffer): string => event("input_audio_buffer.append", { audio: audio.toString("base64") });
  const said = Buffer.concat([sound(1200, 24_000), silence(1500, 24_000)]);
  const conversations: [channel: string, path: string, sent: (string | Buffer)[], last: RegExp, kinds: string[]][] = [
    [
      "live",
      "/v1/ws",
      [event("configure", { sample_rate: 24_000, hotwords: ["раз"] }), event("x"), ...pieces(said), event("stop")],
      /"endpoint_reason":"stop"/,
      ["ready", "error", "partial", "final"],
    ],
    [
      "realtime",
      "/v1/realtime?intent=transcription",
      [
        event("session.update", { session: { audio: { input: { turn_detection: { type: "server_vad" } } } } }),
        ...pieces(said).map(append),
        event("input_audio_buffer.clear"),
        append(sound(600, 24_000)),
        event("input_audio_buffer.commit"),
        event("conversation.item.retrieve", { item_id: "none", event_id: "last" }),
      ],
      /transcription\.completed[^]*"event_id":"last"|"event_id":"last"[^]*transcription\.completed/,
      ["session.created", "session.updated", "input_audio_buffer.committed", "error"],
    ],
  ];

  it.each(conversations)("%s", async (channel, path, sent, last, kinds) => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: "document", components: document.components });
    const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`);
    const received: string[] = [];
    socket.on("message", (data: Buffer) => received.push(data.toString()));
    await new Promise((resolve) => socket.once("open", resolve));
    const { messages } = document.channels[channel]!; // of the table above
    const formOf = (from: string, text: string): object => {
      const { type } = JSON.parse(text) as { type: string }; // every message has one
      const form = messages[`${from}.${type}`]?.payload;
      expect(form, `${from} ${type}`).toBeDefined();
      return JSON.parse(JSON.stringify(form).replaceAll("#/components", "document#/components")) as object;
    };
    for (const message of sent) {
      if (typeof message === "string" && !message.includes('"x"'))
        expect([ajv.validate(formOf("client", message), JSON.parse(message)), ajv.errors]).toEqual([true, null]);
      socket.send(message);
    }
    await expect.poll(() => last.test(received.join("\n")), { timeout: 20_000 }).toBe(true);
    socket.close();
    for (const text of received)
      expect([text, ajv.validate(formOf("server", text), JSON.parse(text)), ajv.errors]).toEqual([text, true, null]);
    const types = received.map((text) => (JSON.parse(text) as { type: string }).type); // checked above
    for (const kind of kinds) expect(types).toContain(kind);
  });
});

function pieces(pcm: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(pcm.length / 4800) }, (_, i) => pcm.subarray(i * 4800, (i + 1) * 4800));
}
