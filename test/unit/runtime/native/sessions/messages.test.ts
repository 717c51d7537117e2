import { describe, expect, it } from "vitest";
import { parseClientMessage } from "../../../../../src/runtime/native/sessions/client-message.ts";
import { applyConfigure, defaultSessionOptions } from "../../../../../src/runtime/native/sessions/configure.ts";
import { createInbox } from "../../../../../src/runtime/sessions/inbox.ts";
import { configWith } from "../../../../support/runtime-server.ts";

describe("parseClientMessage", () => {
  it("knows configure and stop and ignores further fields", () => {
    expect(parseClientMessage('{"type":"stop","x":1}')).toEqual({ kind: "stop" });
    expect(parseClientMessage('{"type":"configure","sample_rate":8000}')).toMatchObject({
      kind: "configure",
      fields: { sample_rate: 8000 },
    });
  });

  it.each(["", "{", "null", "[]", '"stop"', "{}", '{"type":1}', '{"type":"Stop"}', '{"type":"eof"}', "stop", "\u0000"])(
    "takes %j for an unknown message",
    (text) => {
      expect(parseClientMessage(text)).toEqual({ kind: "unknown" });
    },
  );

  it("does not let __proto__ through", () => {
    const message = parseClientMessage('{"type":"configure","__proto__":{"sample_rate":8000}}');
    expect(message.kind === "configure" && message.fields["sample_rate"]).toBeUndefined();
  });
});

describe("applyConfigure", () => {
  const before = defaultSessionOptions(configWith().stream);
  const codes = (fields: Record<string, unknown>) =>
    applyConfigure(fields, before).errors.map((error) => error.wireCode);

  it("takes every good field", () => {
    const fields = {
      type: "configure",
      sample_rate: 16000,
      protocol_version: "1.2",
      endpoint_mode: "manual",
      min_silence_ms: 600,
      commit_policy: "stable_prefix",
      diarization: true,
      future: "field",
    };
    expect(applyConfigure(fields, before)).toEqual({
      options: { sampleRateHz: 16000, endpoint: "manual", minSilenceMs: 600, commitPolicy: "stable_prefix" },
      errors: [],
      unsupported: undefined,
    });
  });

  it("starts at 48 kHz and with the configured defaults", () => {
    expect(before).toMatchObject({ sampleRateHz: 48000, endpoint: configWith().stream.endpoint });
    expect(applyConfigure({ sample_rate: null }, before)).toEqual({
      options: before,
      errors: [],
      unsupported: undefined,
    });
  });

  it("keeps the old value of a bad field, answers it, and takes the good ones", () => {
    const { options, errors } = applyConfigure({ sample_rate: 11025, min_silence_ms: 700 }, before);
    expect(options).toEqual({ ...before, minSilenceMs: 700 });
    expect(errors).toMatchObject([
      { wireCode: "invalid_sample_rate", message: "sample_rate must be one of 8000, 16000, 24000, 44100, 48000" },
    ]);
  });

  it("has a code for each field", () => {
    expect(codes({ sample_rate: "16000" })).toEqual(["invalid_sample_rate"]);
    expect(codes({ endpoint_mode: "AUTO" })).toEqual(["invalid_endpoint_mode"]);
    expect(codes({ commit_policy: {} })).toEqual(["invalid_commit_policy"]);
    expect(codes({ min_silence_ms: 99 })).toEqual(["bad_request"]);
    expect(codes({ min_silence_ms: "600" })).toEqual(["bad_request"]);
    expect(codes({ sample_rate: 1, endpoint_mode: 1, commit_policy: 1, min_silence_ms: -1 })).toHaveLength(4);
  });

  it.each(["1.0", "1.1", "1.2"])("speaks version %s", (version) => {
    expect(applyConfigure({ protocol_version: version }, before).unsupported).toBeUndefined();
  });

  it.each(["0.9", "1.3", "2.0", "1", "", "1.2.3", 1.2, {}, true])("does not speak version %j", (version) => {
    expect(applyConfigure({ protocol_version: version }, before).unsupported?.wireCode).toBe(
      "unsupported_protocol_version",
    );
  });
});

describe("createInbox", () => {
  it("keeps order and copies audio, because a socket's bytes are only borrowed", () => {
    const inbox = createInbox(1000);
    const borrowed = Buffer.from([1, 2, 3]);
    inbox.push({ audio: borrowed });
    inbox.push({ text: "stop" });
    borrowed.fill(9);
    expect(inbox.shift()).toEqual({ audio: new Uint8Array([1, 2, 3]) });
    expect(inbox.shift()).toEqual({ text: "stop" });
    expect([inbox.shift(), inbox.isEmpty]).toEqual([undefined, true]);
  });

  it("is full at its bound in bytes or in frames", () => {
    const bytes = createInbox(40_001);
    bytes.push({ audio: new Uint8Array(40_000) });
    expect(bytes.isFull).toBe(false);
    bytes.push({ text: "a" });
    expect(bytes.isFull).toBe(true);
    bytes.shift();
    expect(bytes.isFull).toBe(false);
    const frames = createInbox(1e9);
    for (let n = 0; n < 256; n++) frames.push({ text: "" });
    expect(frames.isFull).toBe(true);
    frames.clear();
    expect([frames.isFull, frames.isEmpty]).toEqual([false, true]);
  });

  it("joins small audio into pieces, and counts the memory of a piece, not what is in it", () => {
    const inbox = createInbox(100_000);
    for (let n = 0; n < 1000; n++) inbox.push({ audio: Uint8Array.of(n) });
    expect([inbox.isScant, inbox.isFull]).toEqual([false, false]);
    const first = inbox.shift();
    expect(first !== undefined && "audio" in first && first.audio).toEqual(
      Uint8Array.from({ length: 1000 }, (_, n) => n),
    );
    expect(inbox.isEmpty).toBe(true);
    inbox.push({ audio: Uint8Array.of(1) });
    expect(inbox.isScant).toBe(true);
    inbox.push({ text: "stop" });
    expect(inbox.isScant).toBe(false);
    for (let n = 0; n < 4; n++) {
      inbox.push({ audio: Uint8Array.of(1) });
      inbox.push({ text: "x" });
    }
    expect(inbox.isFull).toBe(true);
  });

  it("survives thousands of pushes and shifts", () => {
    const inbox = createInbox(1e9);
    for (let n = 0; n < 5000; n++) inbox.push({ text: String(n) });
    for (let n = 0; n < 5000; n++) expect(inbox.shift()).toEqual({ text: String(n) });
    expect(inbox.isEmpty).toBe(true);
  });
});
