import { describe, expect, it } from "vitest";
import { parseTranscribeQuery } from "../../../../../src/runtime/http/transcribe/transcribe-query.ts";

const parse = (query: string) => parseTranscribeQuery(new URLSearchParams(query));

describe("parseTranscribeQuery", () => {
  it("has defaults and ignores what it does not know", () => {
    expect(parse("lang=ru&foo")).toEqual({
      format: "json",
      download: undefined,
      subtitles: {},
      karaoke: false,
      peaks: false,
      segments: false,
      track: undefined,
      strict: false,
      progress: false,
      hotWords: [],
      channels: "mix",
      headerless: undefined,
    });
  });

  it("takes every parameter", () => {
    expect(
      parse(
        "format=srt&download=%D0%B7%D0%B0%D0%BF%D0%B8%D1%81%D1%8C.srt&max_chars_per_line=42&max_words_per_line=7&max_lines=1&karaoke=1&segments=true&channels=split&codec=pcmu&sample_rate=8000&hotwords=Омск:4&progress=1&peaks=1",
      ),
    ).toEqual({
      format: "srt",
      download: "запись.srt",
      subtitles: { maxCharsPerLine: 42, maxWordsPerLine: 7, maxLines: 1 },
      karaoke: true,
      peaks: true,
      segments: true,
      track: undefined,
      strict: false,
      progress: true,
      hotWords: [{ text: "Омск", boost: 4 }],
      channels: "split",
      headerless: { codec: "pcmu", sampleRateHz: 8000 },
    });
  });

  const badQueries: [string, string][] = [
    ["format=doc", 'format must be one of json, txt, srt, vtt, md, tsv, html, got "doc"'],
    ["hotwords=дом:99", "the boost of a hot word must be a number from 0 to 10"],
    ["format=", 'format must be one of json, txt, srt, vtt, md, tsv, html, got ""'],
    ["max_chars_per_line=0", 'max_chars_per_line must be a whole number from 1 to 1000, got "0"'],
    ["max_chars_per_line=1e2", 'max_chars_per_line must be a whole number from 1 to 1000, got "1e2"'],
    ["max_words_per_line=-1", 'max_words_per_line must be a whole number from 1 to 1000, got "-1"'],
    ["max_lines=11", 'max_lines must be a whole number from 1 to 10, got "11"'],
    ["karaoke=yes", 'karaoke must be one of true, false, 1, 0, got "yes"'],
    ["segments=yes", 'segments must be one of true, false, 1, 0, got "yes"'],
    ["channels=left", 'channels must be one of mix, split, got "left"'],
    ["codec=opus&sample_rate=8000", 'codec must be one of pcmu, pcma, s16le, got "opus"'],
    ["codec=pcma", "codec=pcma needs sample_rate (4000 to 192000)"],
    ["codec=pcma&sample_rate=3999", 'sample_rate must be a whole number from 4000 to 192000, got "3999"'],
    ["codec=pcma&sample_rate=192001", 'sample_rate must be a whole number from 4000 to 192000, got "192001"'],
    ["download=", "download must be a file name of 1 to 200 characters"],
    [`download=${"x".repeat(201)}`, "download must be a file name of 1 to 200 characters"],
    ["download=a%0D%0ASet-Cookie:x", "download must not contain control characters"],
    ["download=a%00.txt", "download must not contain control characters"],
    ["download=..%2Fetc%2Fpasswd", "download must be a plain file name without / or \\"],
    ["download=a%5Cb", "download must be a plain file name without / or \\"],
    ["download=..", "download must be a plain file name without / or \\"],
    [`format=${"y".repeat(100)}`, `format must be one of json, txt, srt, vtt, md, tsv, html, got "${"y".repeat(40)}…"`],
  ];
  it.each(badQueries)("refuses %s", (query, message) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ wireCode: "bad_request", status: 400, message }));
  });
});
