import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readForm } from "../../../../../src/runtime/http/uploads/upload-form.ts";
import { BOUNDARY, FORM_TYPE, formBytes } from "../../../../support/forms.ts";
import type { FormPart } from "../../../../support/forms.ts";
import { fuzzRuns } from "../../../../support/fuzz.ts";

type Outcome =
  | { readonly audio: string; readonly fields: Readonly<Record<string, readonly string[]>> }
  | { readonly refused: string };

/** Reads a form that arrives in these chunks; bytes as latin1. */
function read(chunks: readonly Uint8Array[], type = FORM_TYPE): Promise<Outcome> {
  const req = Object.assign(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), {
    headers: { "content-type": type },
  }) as unknown as IncomingMessage; // what is read of one
  return new Promise((resolve) => {
    const form = readForm(req, "file");
    const audio: Buffer[] = [];
    form.start({
      audio: (bytes) => audio.push(Buffer.from(bytes)),
      end: () => resolve({ audio: Buffer.concat(audio).toString("latin1"), fields: Object.fromEntries(form.fields) }),
      fail: (error) => {
        form.stop();
        resolve({
          refused: error instanceof Error && "code" in error ? `${String(error.code)}: ${error.message}` : "?",
        });
      },
    });
  });
}

/** Bytes that look like the boundary again and again. */
const AUDIO = Buffer.from(`RIFF\r\n--bound\r\n\r\n--${BOUNDARY.slice(0, -1)}\r\n-- \xff\x00\r\n--\r`, "latin1");
const FORM: readonly FormPart[] = [
  { name: "file", value: AUDIO, fileName: "запись.wav" },
  { name: "model", value: "whisper-1" },
  { name: "include[]", value: "logprobs" },
  { name: "timestamp_granularities[]", value: "word" },
  { name: "timestamp_granularities[]", value: "segment" },
  { name: "chunking_strategy[type]", value: "server_vad" },
  { name: "prompt", value: "" },
];
const WANTED: Outcome = {
  audio: AUDIO.toString("latin1"),
  fields: {
    model: ["whisper-1"],
    include: ["logprobs"],
    timestamp_granularities: ["word", "segment"],
    "chunking_strategy[type]": ["server_vad"],
    prompt: [""],
  },
};

describe("a form", () => {
  it("is read the same wherever its bytes are split", async () => {
    const bytes = formBytes(FORM);
    for (let at = 1; at < bytes.length; at++)
      expect(await read([bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).toEqual(WANTED);
    expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(WANTED);
  });

  it("that is cut anywhere is refused, never shortened", async () => {
    const bytes = formBytes(FORM);
    for (let end = 0; end < bytes.length - 4; end++)
      expect(await read([bytes.subarray(0, end)]), `cut at ${end}`).toEqual({
        refused: expect.stringMatching(/^(?:bad_request|empty_body): /),
      });
  });

  it("of random parts in random order gives the file and the fields back", async () => {
    const field = fc.record({
      name: fc.stringMatching(/^[a-z_]{1,12}$/).filter((name) => name !== "file"),
      value: fc.string({ unit: "grapheme", maxLength: 40 }).filter((text) => !text.includes(BOUNDARY)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.array(field, { maxLength: 12 }),
        fc.nat(),
        fc.integer({ min: 1, max: 700 }),
        async (audio, fields, place, step) => {
          const parts: FormPart[] = [...fields];
          parts.splice(place % (fields.length + 1), 0, { name: "file", value: audio, fileName: "upload" });
          const bytes = formBytes(parts);
          const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
            bytes.subarray(i * step, (i + 1) * step),
          );
          const wanted = new Map<string, string[]>();
          for (const { name, value } of fields) wanted.set(name, [...(wanted.get(name) ?? []), value]);
          expect(await read(chunks)).toEqual({
            audio: Buffer.from(audio).toString("latin1"),
            fields: Object.fromEntries(wanted),
          });
        },
      ),
      fuzzRuns(2000),
    );
  });

  /** The lines before each part, as the HTTP libraries of many clients write them: file, then `model`. */
  it.each<[string, readonly [string, string], string?]>([
    [
      "browsers, Python",
      ['Content-Disposition: form-data; name="file"; filename="a.wav"', 'Content-Disposition: form-data; name="model"'],
    ],
    [
      ".NET: names without quotes, the boundary in quotes",
      [
        "Content-Type: audio/wav\r\nContent-Disposition: form-data; name=file; filename=a.wav; filename*=utf-8''a.wav",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model",
      ],
      `multipart/form-data; boundary="${BOUNDARY}"`,
    ],
    [
      "okhttp, Guzzle, Spring: a length for each part",
      [
        `Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\nContent-Length: ${AUDIO.length}`,
        'Content-Disposition: form-data; name="model"\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 9',
      ],
    ],
    [
      "Dart: small letters",
      [
        'content-type: application/octet-stream\r\ncontent-disposition: form-data; name="file"; filename="a.wav"',
        'content-disposition: form-data; name="model"',
      ],
    ],
    [
      "Apache HttpClient: transfer encodings",
      [
        'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Transfer-Encoding: binary',
        'Content-Disposition: form-data; name="model"\r\nContent-Type: text/plain; charset=US-ASCII\r\nContent-Transfer-Encoding: 8bit',
      ],
    ],
    [
      "Swift and others that write it themselves: no file name, the boundary behind another parameter",
      ['Content-Disposition: form-data; name="file"', 'Content-Disposition: form-data; name="model"'],
      `Multipart/Form-Data; charset=utf-8; Boundary=${BOUNDARY}`,
    ],
  ])("is read as %s writes it, with text before the first and behind the last boundary too", async (_, heads, type) => {
    const bodies = [AUDIO, Buffer.from("whisper-1")];
    const parts = heads.flatMap((head, n) => [
      Buffer.from(`\r\n--${BOUNDARY}\r\n${head}\r\n\r\n`),
      bodies[n] ?? Buffer.alloc(0),
    ]);
    for (const end of [`\r\n--${BOUNDARY}--\r\n`, `\r\n--${BOUNDARY}--`, `\r\n--${BOUNDARY}--\r\nepilogue\r\n`])
      expect(await read([Buffer.concat([...parts, Buffer.from(end)])], type)).toEqual({
        audio: AUDIO.toString("latin1"),
        fields: { model: ["whisper-1"] },
      });
  });

  const file: FormPart = { name: "file", value: "RIFF", fileName: "a.wav" };
  it.each<[string, Buffer, string, string]>([
    ["without a file", formBytes([{ name: "model", value: "x" }]), FORM_TYPE, "bad_request: the form has no part file"],
    ["with an empty file", formBytes([{ ...file, value: "" }]), FORM_TYPE, "empty_body: the part file is empty"],
    [
      "with too many fields",
      formBytes([file, ...Array.from({ length: 401 }, () => ({ name: "a", value: "b" }))]),
      FORM_TYPE,
      "bad_request: a form may have at most 400 fields",
    ],
    [
      "with too many files",
      formBytes(Array.from({ length: 11 }, () => ({ ...file, name: "other" }))),
      FORM_TYPE,
      "bad_request: a form may have at most 10 files",
    ],
    [
      "with too much text",
      formBytes([file, ...Array.from({ length: 9 }, () => ({ name: "prompt", value: "x".repeat(9000) }))]),
      FORM_TYPE,
      "bad_request: the fields of a form may have 65536 bytes",
    ],
    ["that is empty", Buffer.from(`--${BOUNDARY}--\r\n`), FORM_TYPE, "bad_request: the form has no part file"],
    [
      "of another boundary",
      formBytes([file]),
      "multipart/form-data; boundary=other",
      "bad_request: the form ends early",
    ],
  ])("%s is refused", async (_name, bytes, type, message) => {
    expect(await read([bytes], type)).toEqual({ refused: expect.stringContaining(message) });
  });

  it.each(["", "audio/wav", "application/json", "multipart/mixed; boundary=x", "multipart/form-data"])(
    "needs its content type, not %j",
    (type) => {
      const req = Object.assign(Readable.from([]), { headers: { "content-type": type } }) as unknown as IncomingMessage; // what is read of one
      expect(() => readForm(req, "file")).toThrow(/multipart\/form-data|boundary/);
    },
  );

  it("takes the first file of the name, cuts long values and drops other files", async () => {
    const bytes = formBytes([
      { name: "known_speaker_references[]", value: "x".repeat(100_000), fileName: "face.png", type: "image/png" },
      file,
      { ...file, value: "second" },
      { name: "prompt", value: "y".repeat(20_000) },
    ]);
    expect(await read([bytes])).toEqual({ audio: "RIFF", fields: { prompt: ["y".repeat(8192)] } });
  });
});
