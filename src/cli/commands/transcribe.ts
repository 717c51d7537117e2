import type { Command } from "../command.ts";
import { TRANSCRIBE_FLAGS } from "../transcribe/options.ts";

export const command: Command = {
  summary: "Recognise recordings here, without a server",
  topic: "recognise",
  rank: 1,
  positionals: "FILE|DIR…|-",
  flags: TRANSCRIBE_FLAGS,
  help: "Reads WAV, MP3, FLAC, Ogg Vorbis, Opus, WebM and M4A; - is standard input. A folder stands for the recordings directly in it. Several files are recognised one after the other: files that fail are reported and skipped, and the exit code is then 1. On standard output each of several files gets a heading; with JSON, one object per line.",
  run: async (context) => (await import("../transcribe/run.ts")).transcribe(context),
};
