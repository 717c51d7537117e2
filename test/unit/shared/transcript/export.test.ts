import { describe, expect, test } from "vitest";
import { exportTranscript } from "../../../../src/shared/transcript/export.ts";
import { transcriptJson } from "../../../../src/shared/transcript/json.ts";
import { DEFAULT_SUBTITLE_RULES } from "../../../../src/shared/transcript/subtitle-rules.ts";
import { segmentsOf } from "../../../../src/shared/transcript/segments.ts";
import type { FormattableTranscript, TimedWord } from "../../../../src/shared/transcript/transcript.ts";

/** Words one after the other, 0.5 s each without a gap, from `start`. */
function say(text: string, start = 0, step = 0.5): FormattableTranscript {
  const words = text.split(" ").map((word, index) => ({
    word,
    start: start + index * step,
    end: start + (index + 1) * step,
    confidence: 0.9,
  }));
  return { text, words, durationS: words.at(-1)?.end ?? 0, confidence: 0.9 };
}

function of(words: readonly TimedWord[], durationS = 400_000): FormattableTranscript {
  return { text: words.map(({ word }) => word).join(" "), words, durationS };
}

const silence: FormattableTranscript = { text: "", words: [], durationS: 3, confidence: undefined };

describe("segments", () => {
  test("break after a full stop, an exclamation mark and a question mark", () => {
    expect(segmentsOf(say("Да. Нет! Как? Так"))).toEqual([
      { start: 0, end: 0.5, text: "Да." },
      { start: 0.5, end: 1, text: "Нет!" },
      { start: 1, end: 1.5, text: "Как?" },
      { start: 1.5, end: 2, text: "Так" },
    ]);
  });

  test("break after a sentence end inside closing quotes or brackets, not inside a number", () => {
    expect(segmentsOf(say("«Да.» (Нет!) версия 3.5 готова")).map(({ text }) => text)).toEqual([
      "«Да.»",
      "(Нет!)",
      "версия 3.5 готова",
    ]);
  });

  test("break at a pause over 0.9 s and not at one of exactly 0.9 s", () => {
    const words = [
      { word: "раз", start: 0, end: 1 },
      { word: "два", start: 1.9, end: 2.1 },
      { word: "три", start: 3.001, end: 3.2 },
    ];
    expect(segmentsOf(of(words)).map(({ text }) => text)).toEqual(["раз два", "три"]);
  });

  test("do not break inside a long word that the recogniser emitted at its beginning", () => {
    const words = [
      { word: "Установи", start: 0.24, end: 0.279 },
      { word: "температуру", start: 0.24, end: 0.279 },
      { word: "пятьдесят", start: 1.358, end: 1.557 },
    ];
    expect(segmentsOf(of(words)).map(({ text }) => text)).toEqual(["Установи температуру пятьдесят"]);
    expect(segmentsOf(of(words))[0]).toMatchObject({ start: 0.24, end: 1.557 });
  });

  test("never exceed 30 s without a pause or a full stop", () => {
    const segments = segmentsOf(say(Array.from({ length: 130 }, (_, i) => `слово${i}`).join(" ")));
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0, 30],
      [30, 60],
      [60, 65],
    ]);
  });

  test("keep a single word longer than 30 s whole", () => {
    expect(segmentsOf(of([{ word: "м", start: 0, end: 45 }]))).toEqual([{ start: 0, end: 45, text: "м" }]);
  });

  test("of silence are none", () => {
    expect(segmentsOf(silence)).toEqual([]);
  });

  test("of a text without word times is the whole text", () => {
    expect(segmentsOf({ text: "без времён", words: [], durationS: 2 })).toEqual([
      { start: 0, end: 2, text: "без времён" },
    ]);
  });
});

describe("srt", () => {
  test("numbers cues from 1 and separates them by an empty line", () => {
    expect(exportTranscript([say("Раз. Два.", 0, 1.08)], "srt")).toBe(
      "1\n00:00:00,000 --> 00:00:01,000\nРаз.\n\n2\n00:00:01,080 --> 00:00:02,160\nДва.\n",
    );
  });

  test("of silence is empty", () => {
    expect(exportTranscript([silence], "srt")).toBe("");
  });

  test("rounds times to the millisecond and carries into seconds, minutes and hours", () => {
    const words = [
      { word: "а.", start: 57.0004, end: 59.9996 },
      { word: "б.", start: 3599.9995, end: 3601.9996 },
      { word: "в.", start: 360000, end: 360001 },
    ];
    expect(exportTranscript([of(words)], "srt").match(/\d.* --> .*/g)).toEqual([
      "00:00:57,000 --> 00:01:00,000",
      "01:00:00,000 --> 01:00:02,000",
      "100:00:00,000 --> 100:00:01,000",
    ]);
  });

  test("shows a subtitle for a second at least, within the recording", () => {
    const words = [{ word: "температуру", start: 1, end: 1.04 }];
    expect(exportTranscript([of(words, 5)], "srt")).toContain("00:00:01,000 --> 00:00:02,000");
    expect(exportTranscript([of(words, 1.2)], "srt")).toContain("00:00:01,000 --> 00:00:01,200");
  });

  test("treats negative and non-finite times as zero", () => {
    expect(exportTranscript([of([{ word: "а", start: -1, end: Number.NaN }])], "srt")).toContain("00:00:00,000 --> ");
  });

  test("breaks a line at 42 characters and a subtitle at two lines by default", () => {
    const lines = exportTranscript([say(Array.from({ length: 20 }, () => "двенадцатьбб").join(" "))], "srt")
      .split("\n")
      .filter((line) => line.startsWith("д"));
    expect(lines.map((line) => line.length)).toEqual([38, 38, 38, 38, 38, 38, 25]);
  });

  test("breaks a line at 14 words by default", () => {
    const lines = exportTranscript([say(Array.from({ length: 30 }, () => "я").join(" "))], "srt")
      .split("\n")
      .filter((line) => line.startsWith("я"));
    expect(lines.map((line) => line.split(" ").length)).toEqual([8, 8, 14]);
  });

  test("takes other limits, and a word longer than the limit stands alone", () => {
    const rules = { ...DEFAULT_SUBTITLE_RULES, maxCharsPerLine: 6, maxWordsPerLine: 2, maxLines: 1 };
    const text = exportTranscript([say("я непроизносимое ты он")], "srt", { rules });
    expect(text.split("\n").filter((line) => /^[а-я]/.test(line))).toEqual(["я", "непроизносимое", "ты он"]);
  });

  test("counts characters, not UTF-16 units", () => {
    const rules = { ...DEFAULT_SUBTITLE_RULES, maxCharsPerLine: 5 };
    expect(exportTranscript([say("😀😀 😀😀")], "srt", { rules })).toContain("😀😀 😀😀");
  });

  test("keeps an arrow in the text from looking like a cue", () => {
    expect(exportTranscript([say("стрелка --> вправо")], "srt")).toContain("\nстрелка → вправо\n");
  });

  test("keeps times in the text from looking like a time line, and a year at the end from looking like the next number", () => {
    expect(exportTranscript([say("00:00:01,000 – 00:00:02,000 в 12:30")], "srt")).toContain(
      "\n00∶00:01,000 – 00∶00:02,000 в 12:30\n",
    );
    const rules = { ...DEFAULT_SUBTITLE_RULES, maxCharsPerLine: 10 };
    expect(exportTranscript([say("это случилось 1985")], "srt", { rules })).toMatch(/\n1985(?:\u2060)?\n$/);
    expect(exportTranscript([say("случилось 1985")], "srt", { rules })).toContain("случилось\n1985\u2060\n");
  });

  test("keeps line breaks and control characters in a word from ending the cue", () => {
    expect(exportTranscript([of([{ word: "а\n\nб\u0000в", start: 0, end: 1 }])], "srt")).toContain("\nа б в\n");
  });

  test("pulls an end beyond the next start back", () => {
    const words = [
      { word: "Раз.", start: 0, end: 2 },
      { word: "Два.", start: 1, end: 3 },
    ];
    expect(exportTranscript([of(words)], "srt")).toContain("00:00:00,000 --> 00:00:01,000");
  });
});

describe("vtt", () => {
  test("starts with the signature, uses a point before the milliseconds", () => {
    expect(exportTranscript([say("Раз. Два.", 0, 1.08)], "vtt")).toBe(
      "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nРаз.\n\n00:00:01.080 --> 00:00:02.160\nДва.\n",
    );
  });

  test("of silence is a valid file without cues", () => {
    expect(exportTranscript([silence], "vtt")).toBe("WEBVTT\n");
  });

  test("escapes &, < and >, so that -->, tags and entities stay text", () => {
    const text = exportTranscript([say("R&D <b>жирно</b> --> &amp;")], "vtt");
    expect(text).toContain("\nR&amp;D &lt;b&gt;жирно&lt;/b&gt; --&gt; &amp;amp;\n");
  });

  test("gives a cue of zero length one millisecond", () => {
    expect(exportTranscript([of([{ word: "а", start: 1, end: 1 }], 1)], "vtt")).toContain(
      "00:00:01.000 --> 00:00:01.001",
    );
  });

  test("merges channels by time and names the channel as the voice", () => {
    const text = exportTranscript([say("Алло. Да.", 0, 2), say("Слушаю.", 1)], "vtt");
    expect(text.split("\n").filter((line) => line.startsWith("<v"))).toEqual([
      "<v Channel 1>Алло.",
      "<v Channel 2>Слушаю.",
      "<v Channel 1>Да.",
    ]);
  });
});

describe("speakers and word times", () => {
  test("srt names the channel before its first line, and counts the name as part of the line", () => {
    const rules = { ...DEFAULT_SUBTITLE_RULES, maxCharsPerLine: 16 };
    const text = exportTranscript([say("Добрый вечер, Анна.")], "srt", { rules });
    expect(text).toContain("\nДобрый вечер,\nАнна.\n");
    const split = exportTranscript([say("Добрый вечер, Анна."), silence], "srt", { rules, speakers: ["Пётр"] });
    expect(split).toContain("\n[Пётр] Добрый\nвечер, Анна.\n");
  });

  test("a speaker's name is text as well", () => {
    const speakers = ["<v\nx>-->", "{\\an8}"];
    expect(exportTranscript([say("Да."), say("Нет.", 1)], "srt", { speakers })).toMatch(
      /\[‹v x›→\] Да\.[^]*\[\(\/an8\)\] Нет\./,
    );
    expect(exportTranscript([say("Да."), silence], "vtt", { speakers })).toContain("<v &lt;v x&gt;--&gt;>Да.");
  });

  test("karaoke has the time of each word but the first, inside the cue and rising", () => {
    expect(exportTranscript([say("Раз, два и <три>.", 1)], "vtt", { karaoke: true })).toBe(
      "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nРаз, <00:00:01.500>два <00:00:02.000>и <00:00:02.500>&lt;три&gt;.\n",
    );
  });
});

describe("txt and md", () => {
  test("txt is the text and a newline, or nothing", () => {
    expect(exportTranscript([say("Привет, дом.")], "txt")).toBe("Привет, дом.\n");
    expect(exportTranscript([silence], "txt")).toBe("");
  });

  test("txt of two channels has one line for each that spoke", () => {
    expect(exportTranscript([say("Алло."), silence, say("Да.")], "txt")).toBe("Алло.\nДа.\n");
  });

  test("md has one paragraph for each segment with its time, and escapes markup", () => {
    expect(exportTranscript([say("*Раз*. <Два>_", 3661)], "md")).toBe(
      String.raw`**01:01:01** \*Раз\*.` + "\n\n" + String.raw`**01:01:01** \<Два\>\_` + "\n",
    );
  });

  test("md of two channels has a heading for each", () => {
    expect(exportTranscript([say("Алло."), say("Да.")], "md")).toBe(
      "## Channel 1\n\n**00:00:00** Алло.\n\n## Channel 2\n\n**00:00:00** Да.\n",
    );
  });
});

describe("tsv and html", () => {
  test("tsv has whisper's columns: milliseconds and text", () => {
    expect(exportTranscript([say("Да. Нет.", 1)], "tsv")).toBe("start\tend\ttext\n1000\t1500\tДа.\n1500\t2000\tНет.\n");
  });

  test("tsv of two channels is in time order and has a column for the speaker", () => {
    expect(exportTranscript([say("Алло. Да.", 0, 2), say("Слушаю.", 1)], "tsv", { speakers: ["Анна", "=1+1"] })).toBe(
      "start\tend\ttext\tspeaker\n0\t2000\tАлло.\tАнна\n1000\t1500\tСлушаю.\t'=1+1\n2000\t4000\tДа.\tАнна\n",
    );
  });

  test("tsv keeps a spreadsheet from computing what was said", () => {
    expect(exportTranscript([say('=HYPERLINK("http://x")')], "tsv")).toContain('\t\'=HYPERLINK("http://x")\n');
  });

  test("html stands alone, loads nothing and shows markup as text", () => {
    const page = exportTranscript([say('<script src="//x">alert(1)</script>', 3661)], "html");
    expect(page).toContain(
      '<p><time datetime="PT3661S">01:01:01</time> &lt;script src=&quot;//x&quot;&gt;alert(1)&lt;/script&gt;</p>\n',
    );
    expect(page).toContain("default-src 'none'");
    expect(page.match(/<script/)).toBeNull();
  });

  test("html of two channels is in time order and says who speaks", () => {
    const page = exportTranscript([say("Алло."), say("Да.", 1)], "html", { speakers: ["<b>"] });
    expect(page.match(/<b>.*<\/b> .*(?=<\/p>)/g)).toEqual(["<b>&lt;b&gt;</b> Алло.", "<b>Channel 2</b> Да."]);
  });
});

describe("json", () => {
  test("has text, words, duration and confidence; segments only when asked", () => {
    const body = transcriptJson([say("Да. Нет.")]);
    expect(Object.keys(body)).toEqual(["text", "words", "duration", "confidence"]);
    expect(transcriptJson([say("Да. Нет.")], { segments: true }).segments).toHaveLength(2);
  });

  test("leaves confidence out when nothing was said", () => {
    expect(transcriptJson([silence])).toEqual({ text: "", words: [], duration: 3 });
  });

  test("of several channels has words in time order with their channel, and each channel on its own", () => {
    const body = transcriptJson([say("Алло. Да.", 0, 2), say("Слушаю.", 1)], { segments: true });
    expect(body.words.map(({ word, channel }) => [word, channel])).toEqual([
      ["Алло.", 0],
      ["Слушаю.", 1],
      ["Да.", 0],
    ]);
    expect(body.segments?.map(({ text, channel }) => [text, channel])).toEqual([
      ["Алло.", 0],
      ["Слушаю.", 1],
      ["Да.", 0],
    ]);
    expect(body.text).toBe("Алло. Да.\nСлушаю.");
    expect(body.channels?.map(({ channel, text }) => [channel, text])).toEqual([
      [0, "Алло. Да."],
      [1, "Слушаю."],
    ]);
    expect(body.confidence).toBe(0.9);
  });

  test("is one line of JSON and a newline as a formatted text", () => {
    expect(JSON.parse(exportTranscript([say("Да")], "json"))).toEqual(transcriptJson([say("Да")]));
    expect(exportTranscript([say("Да")], "json")).toMatch(/^.*\n$/);
  });
});
