import { describe, expect, test } from "vitest";
import { AudioError, wordAudioProblem, type AudioProblem } from "../../../src/shared/audio-problem.ts";
import { toWireError } from "../../../src/runtime/http/replies/errors.ts";

const PROBLEMS: readonly AudioProblem[] = [
  { reason: "empty" },
  { reason: "foreign", detail: "a PNG image" },
  { reason: "foreign", detail: "a multipart form, not the file itself", cure: "bareFile" },
  { reason: "foreign", detail: "a WAV file that lost bytes on the way", cure: "binary" },
  { reason: "unknown" },
  { reason: "truncated", subject: "WAV", detail: "the file is truncated" },
  { reason: "damaged", subject: "Ogg", detail: "page 4 is missing" },
  { reason: "unsupported", subject: "codec pcmu", detail: "the audio has a header", cure: "dropCodec" },
  { reason: "unsupported", subject: "MP4", detail: "the audio is encrypted", cure: "unprotected" },
  { reason: "too_long", detail: "the audio is longer than 4h" },
];

describe("one problem, two wordings", () => {
  test("a client of the server is told what to send", () => {
    expect(PROBLEMS.map((problem) => wordAudioProblem(problem, "http"))).toMatchInlineSnapshot(`
      [
        "the body is empty: send the audio bytes as the request body",
        "the body is a PNG image: send WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio",
        "the body is a multipart form, not the file itself: send the file itself (curl: --data-binary @FILE, not -F)",
        "the body is a WAV file that lost bytes on the way: send the file unchanged (curl: --data-binary @FILE, not --data)",
        "the body is not in a known audio format: send WAV, MP3, FLAC, Ogg, WebM or M4A",
        "WAV: the file is truncated: upload it again",
        "Ogg: page 4 is missing: export it again",
        "codec pcmu: the audio has a header: leave out codec=",
        "MP4: the audio is encrypted: send it without copy protection",
        "the audio is longer than 4h: cut it into shorter files",
      ]
    `);
  });

  test("the user of the command is told nothing about requests", () => {
    const said = PROBLEMS.map((problem) => wordAudioProblem(problem, "cli"));
    expect(said.join("\n")).not.toMatch(/curl|upload|request|\bbody\b|\bsend\b|codec=/);
    expect(said).toMatchInlineSnapshot(`
      [
        "the file is empty",
        "the file is a PNG image: use WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio",
        "the file is a multipart form, not the file itself: give the file that is in it",
        "the file is a WAV file that lost bytes on the way: copy the original again",
        "the file is not in a known audio format: use WAV, MP3, FLAC, Ogg, WebM or M4A",
        "WAV: the file is truncated: copy it again",
        "Ogg: page 4 is missing: export it again",
        "codec pcmu: the audio has a header: leave out --codec",
        "MP4: the audio is encrypted: give it without copy protection",
        "the audio is longer than 4h: cut it into shorter files",
      ]
    `);
  });

  test("the server answers with the code and the words for clients", () => {
    const wire = toWireError(new AudioError({ reason: "truncated", subject: "WAV", detail: "the file is truncated" }));
    expect(wire).toMatchObject({ wireCode: "invalid_audio", status: 422 });
    expect(wire.message).toBe("WAV: the file is truncated: upload it again");
  });
});
