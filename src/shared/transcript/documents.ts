import { clockSeconds, wholeMs } from "./clock.ts";
import { escapeHtml, escapeMarkdown, escapeTsv } from "./escape.ts";
import { segmentsInTurn, segmentsOf } from "./segments.ts";
import { speakerName } from "./subtitle-files.ts";
import { joinTexts } from "./transcript.ts";
import type { FormattableTranscript } from "./transcript.ts";

/** Returns the plain text, a line for each channel that spoke. */
export function renderTxt(transcripts: readonly FormattableTranscript[]): string {
  const text = joinTexts(transcripts);
  return text === "" ? "" : `${text}\n`;
}

/** Returns a paragraph for each segment with its time, and a heading for each channel. */
export function renderMarkdown(transcripts: readonly FormattableTranscript[], speakers?: readonly string[]): string {
  return transcripts
    .map((transcript, index) => {
      const heading = transcripts.length > 1 ? `## ${escapeMarkdown(nameOf(speakers, index))}\n\n` : "";
      const paragraphs = segmentsOf(transcript).map(
        ({ start, text }) => `**${clockSeconds(wholeMs(start))}** ${escapeMarkdown(text)}\n`,
      );
      return heading + paragraphs.join("\n");
    })
    .filter((text) => text !== "")
    .join("\n");
}

/** Returns the segments as whisper writes them: `start`, `end` in milliseconds, `text`; with several channels also `speaker`. */
export function renderTsv(transcripts: readonly FormattableTranscript[], speakers?: readonly string[]): string {
  const isSplit = transcripts.length > 1;
  const rows = segmentsInTurn(transcripts).map(({ start, end, text, channel }) => [
    String(wholeMs(start)),
    String(wholeMs(end)),
    escapeTsv(text),
    ...(channel === undefined ? [] : [escapeTsv(nameOf(speakers, channel))]),
  ]);
  const header = ["start", "end", "text", ...(isSplit ? ["speaker"] : [])];
  return [header, ...rows].map((row) => `${row.join("\t")}\n`).join("");
}

/** Returns a page that stands alone: no script, nothing loaded, the segments of all channels in time order. */
export function renderHtml(transcripts: readonly FormattableTranscript[], speakers?: readonly string[]): string {
  const paragraphs = segmentsInTurn(transcripts).map(({ start, text, channel }) => {
    const time = clockSeconds(wholeMs(start));
    const speaker = channel === undefined ? "" : `<b>${escapeHtml(nameOf(speakers, channel))}</b> `;
    return `<p><time datetime="PT${wholeMs(start) / 1000}S">${time}</time> ${speaker}${escapeHtml(text)}</p>\n`;
  });
  return `${HTML_HEAD}<body>\n${paragraphs.join("")}</body>\n</html>\n`;
}

const HTML_HEAD = `<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Transcript</title>
<style>body{max-width:45em;margin:2em auto;padding:0 1em;font:1em/1.5 sans-serif}time{color:#767676;margin-right:.5em}</style>
</head>
`;

function nameOf(speakers: readonly string[] | undefined, channel: number): string {
  return speakerName(speakers, channel) ?? `Channel ${channel + 1}`;
}
