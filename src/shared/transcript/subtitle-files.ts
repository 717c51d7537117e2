import { clock } from "./clock.ts";
import { escapeSrt, escapeSrtLines, escapeVtt } from "./escape.ts";
import type { SpokenWord } from "./spoken-words.ts";
import { DEFAULT_SUBTITLE_RULES } from "./subtitle-rules.ts";
import type { SubtitleRules } from "./subtitle-rules.ts";
import { subtitlesOf } from "./subtitles.ts";
import type { Subtitle } from "./subtitles.ts";
import { characters, oneLine } from "./transcript.ts";
import type { FormattableTranscript } from "./transcript.ts";

export interface SubtitleOptions {
  /** Default: {@link DEFAULT_SUBTITLE_RULES}. */
  readonly rules?: SubtitleRules;
  /** Names of the channels, when there are several. Default: their numbers from 1. */
  readonly speakers?: readonly string[];
  /** WebVTT only: the time of each word inside the subtitle. */
  readonly karaoke?: boolean;
}

/** Returns a SubRip file. */
export function renderSrt(transcripts: readonly FormattableTranscript[], options: SubtitleOptions): string {
  const prefixOf = (channel: number): string => `[${speakerName(options.speakers, channel) ?? channel + 1}] `;
  return subtitlesInTurn(transcripts, options.rules, (channel) => characters(prefixOf(channel)))
    .map(({ startMs, endMs, lines, channel }, index) => {
      const text = escapeSrtLines(lines.map(textOf));
      const prefix = channel === undefined ? "" : escapeSrt(prefixOf(channel));
      return `${index + 1}\n${clock(startMs, ",")} --> ${clock(endMs, ",")}\n${prefix}${text}\n`;
    })
    .join("\n");
}

/** Returns a WebVTT file. A channel is the voice of its subtitles, which players show as they like. */
export function renderVtt(transcripts: readonly FormattableTranscript[], options: SubtitleOptions): string {
  const blocks = subtitlesInTurn(transcripts, options.rules, () => 0).map((subtitle) => {
    const { startMs, endMs, lines, channel } = subtitle;
    const voice =
      channel === undefined
        ? ""
        : `<v ${escapeVtt(speakerName(options.speakers, channel) ?? `Channel ${channel + 1}`)}>`;
    const text = options.karaoke ? karaokeText(subtitle) : lines.map((line) => escapeVtt(textOf(line))).join("\n");
    return `\n${clock(startMs, ".")} --> ${clock(endMs, ".")}\n${voice}${text}\n`;
  });
  return `WEBVTT\n${blocks.join("")}`;
}

/** Returns the given name of a channel on one line; undefined when it has none. */
export function speakerName(speakers: readonly string[] | undefined, channel: number): string | undefined {
  const name = oneLine(speakers?.[channel] ?? "");
  return name === "" ? undefined : name;
}

// ---

/** A time tag before each word but the first; WebVTT wants them inside the subtitle and later than the one before. */
function karaokeText({ startMs, endMs, lines }: Subtitle): string {
  let lastMs = startMs;
  const timed = ({ word, start }: SpokenWord): string => {
    const ms = Math.round(start * 1000);
    if (ms <= lastMs || ms >= endMs) return escapeVtt(word);
    lastMs = ms;
    return `<${clock(ms, ".")}>${escapeVtt(word)}`;
  };
  return lines.map((line) => line.map(timed).join(" ")).join("\n");
}

function subtitlesInTurn(
  transcripts: readonly FormattableTranscript[],
  rules: SubtitleRules = DEFAULT_SUBTITLE_RULES,
  prefixChars: (channel: number) => number,
): (Subtitle & { readonly channel: number | undefined })[] {
  const isSplit = transcripts.length > 1;
  return transcripts
    .flatMap((transcript, index) =>
      subtitlesOf(transcript, rules, isSplit ? prefixChars(index) : 0).map((subtitle) =>
        Object.assign({ channel: isSplit ? index : undefined }, subtitle),
      ),
    )
    .sort((a, b) => a.startMs - b.startMs);
}

function textOf(line: readonly SpokenWord[]): string {
  return line.map(({ word }) => word).join(" ");
}
