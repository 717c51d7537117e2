import { extname } from "node:path";
import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import type { TranscriptFormat } from "../../shared/protocol.ts";
import type { ExportOptions } from "../../shared/transcript/export.ts";
import type { SubtitleRules } from "../../shared/transcript/subtitle-rules.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { UsageError } from "../usage.ts";
import type { FileOptions } from "./child.ts";
import { STDIO } from "../args.ts";

export const TRANSCRIBE_FLAGS: Readonly<Record<string, FlagSpec>> = {
  format: {
    type: "string",
    short: "f",
    value: "FORMAT",
    choices: ["text", "json", "srt", "vtt", "md", "tsv", "html"],
    describe: "output format; default: by the extension of --output, else text",
  },
  json: { type: "boolean", describe: "short for --format json" },
  output: { type: "string", short: "o", value: "FILE|DIR", describe: "where to write; default standard output" },
  force: { type: "boolean", describe: "replace output files that exist" },
  channels: {
    type: "string",
    value: "mix|split",
    choices: ["mix", "split"],
    describe: "mix all channels (default), or recognise each on its own",
  },
  segments: { type: "boolean", describe: "JSON: add segments, split at pauses and sentence ends" },
  karaoke: { type: "boolean", describe: "WebVTT: add the time of each word" },
  "max-chars-per-line": { type: "string", value: "N", describe: "short for --set subtitles.maxCharsPerLine=…" },
  "max-words-per-line": { type: "string", value: "N", describe: "short for --set subtitles.maxWordsPerLine=…" },
  "max-lines": { type: "string", value: "N", describe: "short for --set subtitles.maxLines=…" },
  codec: {
    type: "string",
    value: "CODEC",
    choices: ["pcmu", "pcma", "s16le"],
    describe: "input without a header; with --sample-rate",
  },
  track: {
    type: "string",
    value: "N|LANGUAGE",
    describe: "audio track: its number from 0, or its language; default: the default track",
  },
  strict: { type: "boolean", describe: "fail on audio that is cut or damaged instead of a warning" },
  "sample-rate": { type: "string", value: "HZ", describe: "sample rate of input without a header, 4000 to 192000" },
  model: { type: "string", value: "ID", describe: "short for --set model.id=…" },
  precision: {
    type: "string",
    value: "int8|fp32",
    choices: ["int8", "fp32"],
    describe: "short for --set model.precision=…",
  },
};

export interface TranscribeJob {
  /** Absolute paths are made later; `-` is standard input. */
  readonly inputs: readonly string[];
  readonly format: TranscriptFormat;
  readonly exportOptions: ExportOptions;
  /** What the flags set of the configured layout of subtitles. */
  readonly subtitles: Partial<SubtitleRules>;
  readonly file: FileOptions;
  readonly output: string | undefined;
  /** Replace output files that exist. */
  readonly force: boolean;
}

/** The job out of the flags; every mistake at once. Choices were checked by the flag parser. */
export function readJob(context: CommandContext): TranscribeJob {
  const { flags, positionals } = context;
  const mistakes: string[] = [];
  const text = (name: string): string | undefined => {
    const value = flags[name];
    return typeof value === "string" ? value : undefined;
  };
  const integer = (name: string, min: number, max: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    mistakes.push(`--${name} must be a whole number from ${min} to ${max}, found "${value}"`);
    return undefined;
  };
  const wanted = text("format");
  if (flags["json"] === true && wanted !== undefined && wanted !== "json") {
    mistakes.push(`--json and --format ${wanted} contradict each other`);
  }
  if (positionals.filter((input) => input === STDIO).length > 1) {
    mistakes.push("- (standard input) can be read only once");
  }
  const codec = readCodec(text("codec"));
  const sampleRateHz = integer("sample-rate", 4000, 192_000);
  if (codec !== undefined && text("sample-rate") === undefined) mistakes.push("--codec needs --sample-rate");
  if (codec === undefined && sampleRateHz !== undefined) mistakes.push("--sample-rate is for --codec only");
  const track = text("track");
  if (track !== undefined && !TRACK.test(track))
    mistakes.push(`--track must be a number or a language code, found "${track}"`);
  const maxCharsPerLine = integer("max-chars-per-line", 1, 1000);
  const maxWordsPerLine = integer("max-words-per-line", 1, 1000);
  const maxLines = integer("max-lines", 1, 10);
  if (mistakes.length > 0) throw new UsageError(mistakes, ["transcribe"]);
  return {
    inputs: positionals,
    format: flags["json"] === true ? "json" : readFormat(wanted ?? extensionOf(text("output"))),
    exportOptions: { segments: flags["segments"] === true, karaoke: flags["karaoke"] === true },
    subtitles: {
      ...(maxCharsPerLine === undefined ? {} : { maxCharsPerLine }),
      ...(maxWordsPerLine === undefined ? {} : { maxWordsPerLine }),
      ...(maxLines === undefined ? {} : { maxLines }),
    },
    file: {
      channels: text("channels") === "split" ? "split" : "mix",
      strict: flags["strict"] === true,
      ...(track === undefined ? {} : { track }),
      ...(codec !== undefined && sampleRateHz !== undefined ? { headerless: { codec, sampleRateHz } } : {}),
    },
    output: text("output"),
    force: flags["force"] === true,
  };
}

/** A track's number, or an ISO 639 code with or without a region. */
const TRACK = /^(?:\d{1,3}|[a-z]{2,3}(?:-[a-z0-9]{2,8})*)$/i;

/** The context with `--model` and `--precision` as the configuration keys they are short for. */
export function withModelFlags(context: CommandContext): CommandContext {
  const { model, precision, set } = context.flags;
  const sets = [
    ...(Array.isArray(set) ? set : []),
    ...(typeof model === "string" ? [`model.id=${model}`] : []),
    ...(typeof precision === "string" ? [`model.precision=${precision}`] : []),
  ];
  return { ...context, flags: { ...context.flags, set: sets } };
}

/** `srt` of `film.srt`. */
function extensionOf(output: string | undefined): string | undefined {
  return output === undefined ? undefined : extname(output).slice(1).toLowerCase();
}

function readFormat(value: string | undefined): TranscriptFormat {
  return TRANSCRIPT_FORMATS.find((format) => format === value) ?? "txt";
}

function readCodec(value: string | undefined): "pcmu" | "pcma" | "s16le" | undefined {
  return value === "pcmu" || value === "pcma" || value === "s16le" ? value : undefined;
}
