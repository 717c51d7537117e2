import { GigasttError } from "./errors.ts";
import type { WireErrorCode } from "./protocol.ts";
import { formatDuration } from "./units.ts";

/** What is wrong with a recording: facts without advice. `wordAudioProblem` adds the advice for the sender. */
export interface AudioProblem {
  readonly reason: AudioReason;
  /** The container or codec that the fact is about: `WAV`, `AAC`. */
  readonly subject?: string;
  /** What was found, as the end of a sentence about the subject. */
  readonly detail?: string;
  readonly cure?: AudioCure;
  /** What samples without a header sound like, for the cures that say it. */
  readonly raw?: RawAudio;
}

/** Samples without a header. */
export interface RawAudio {
  /** As ffmpeg calls it: `s16be`, `mulaw`. */
  readonly format: string;
  readonly channelCount: number;
}

/** The reader: a client of the server, or the user of `gigastt transcribe`. */
export type AudioFace = "http" | "cli";

/** Something that was repaired or left out while a recording was decoded; part of the answer. */
export interface AudioWarning {
  readonly code: AudioWarningCode;
  /** The bare fact. */
  readonly message: string;
}

/**
 * `truncated`: the file ends before the end that it promises. `damaged`: parts of it cannot be decoded.
 * `wrong_header`: its header contradicts its data, which were read by what they are.
 * `opposite_phase`: two channels cancel each other, so only one was read.
 */
export type AudioWarningCode = "truncated" | "damaged" | "wrong_header" | "opposite_phase";

/** An error that carries an `AudioProblem`; its message is the bare fact. */
export class AudioError extends GigasttError {
  declare readonly code: WireErrorCode;
  readonly problem: AudioProblem;

  constructor(problem: AudioProblem, cause?: unknown) {
    super(AUDIO_REASON_CODES[problem.reason], factOf(problem), { cause });
    this.name = "AudioError";
    this.problem = problem;
  }
}

/** Wire code of each reason. */
const AUDIO_REASON_CODES = {
  empty: "empty_body",
  foreign: "unsupported_media",
  unknown: "invalid_audio",
  truncated: "invalid_audio",
  damaged: "invalid_audio",
  unsupported: "invalid_audio",
  too_long: "audio_too_long",
} as const;

export type AudioReason = keyof typeof AUDIO_REASON_CODES;

/** What to do, by face. */
const CURES = {
  body: { http: "send the audio bytes as the request body", cli: undefined },
  formats: {
    http: "send WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio",
    cli: "use WAV, MP3, FLAC, Ogg (Vorbis, Opus), WebM or M4A/AAC audio",
  },
  any: {
    http: "send WAV, MP3, FLAC, Ogg, WebM or M4A",
    cli: "use WAV, MP3, FLAC, Ogg, WebM or M4A",
  },
  pcmu: {
    http: "if it is telephone audio (µ-law) without a header, add codec=pcmu and sample_rate=8000 (or its rate)",
    cli: "if it is telephone audio (µ-law) without a header, add --codec pcmu --sample-rate 8000 (or its rate)",
  },
  pcma: {
    http: "if it is telephone audio (A-law) without a header, add codec=pcma and sample_rate=8000 (or its rate)",
    cli: "if it is telephone audio (A-law) without a header, add --codec pcma --sample-rate 8000 (or its rate)",
  },
  s16le: {
    http: "if it is PCM without a header, add codec=s16le and sample_rate=16000 (or its rate)",
    cli: "if it is PCM without a header, add --codec s16le --sample-rate 16000 (or its rate)",
  },
  rawPcm: {
    http: "if it is PCM without a header, convert it with ffmpeg -f {format} -ar 16000 -ac {channels} -i FILE -ac 1 OUT.wav (16000 or its rate)",
    cli: "if it is PCM without a header, convert it with ffmpeg -f {format} -ar 16000 -ac {channels} -i FILE -ac 1 OUT.wav (16000 or its rate)",
  },
  telephony: {
    http: "if it is telephone or dictation audio without a header, convert it by what it is: ffmpeg -f g722 -i FILE OUT.wav (G.722), ffmpeg -f g726le -code_size 4 -ar 8000 -i FILE OUT.wav (G.726; or g726), sox -t vox -r 8000 FILE OUT.wav (Dialogic .vox)",
    cli: "if it is telephone or dictation audio without a header, convert it by what it is: ffmpeg -f g722 -i FILE OUT.wav (G.722), ffmpeg -f g726le -code_size 4 -ar 8000 -i FILE OUT.wav (G.726; or g726), sox -t vox -r 8000 FILE OUT.wav (Dialogic .vox)",
  },
  firstPart: {
    http: "send the whole recording from its first part on: only that has the header",
    cli: "give the whole recording from its first part on: only that has the header",
  },
  bareFile: { http: "send the file itself (curl: --data-binary @FILE, not -F)", cli: "give the file that is in it" },
  binary: { http: "send the file unchanged (curl: --data-binary @FILE, not --data)", cli: "copy the original again" },
  again: { http: "upload it again", cli: "copy it again" },
  export: { http: "export it again", cli: "export it again" },
  convert: {
    http: "convert it with ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav",
    cli: "convert it with ffmpeg -i FILE -ac 1 -ar 16000 OUT.wav",
  },
  pcm: { http: "export it as 16-bit PCM", cli: "export it as 16-bit PCM" },
  remux: {
    http: "remux it with ffmpeg -i FILE -c copy -movflags +faststart OUT.m4a",
    cli: "remux it with ffmpeg -i FILE -c copy -movflags +faststart OUT.m4a",
  },
  unprotected: { http: "send it without copy protection", cli: "give it without copy protection" },
  track: {
    http: "choose one with track=NUMBER or track=LANGUAGE",
    cli: "choose one with --track NUMBER or --track LANGUAGE",
  },
  dropCodec: { http: "leave out codec=", cli: "leave out --codec" },
  shorter: { http: "cut it into shorter files", cli: "cut it into shorter files" },
} as const;

export type AudioCure = keyof typeof CURES;

/** Returns the sentence for a face: fact, then cure. */
export function wordAudioProblem(problem: AudioProblem, face: AudioFace): string {
  const template: string | undefined = CURES[problem.cure ?? DEFAULT_CURES[problem.reason]][face];
  const { format, channelCount } = problem.raw ?? { format: "FORMAT", channelCount: 1 };
  const cure = template?.replace("{format}", format).replace("{channels}", String(channelCount));
  const fact = face === "cli" ? factOf(problem).replace(/^the body is /, "the file is ") : factOf(problem);
  return cure === undefined ? fact : `${fact}: ${cure}`;
}

/** Returns the problem of audio that is longer than allowed. */
export function audioTooLong(maxDurationMs: number): AudioError {
  return new AudioError({ reason: "too_long", detail: `the audio is longer than ${formatDuration(maxDurationMs)}` });
}

// ---

const DEFAULT_CURES: Readonly<Record<AudioReason, AudioCure>> = {
  empty: "body",
  foreign: "formats",
  unknown: "any",
  truncated: "again",
  damaged: "export",
  unsupported: "export",
  too_long: "shorter",
};

function factOf({ reason, subject, detail = "" }: AudioProblem): string {
  if (reason === "empty") return "the body is empty";
  if (reason === "unknown") return "the body is not in a known audio format";
  if (reason === "foreign") return `the body is ${detail}`;
  return subject === undefined ? detail : `${subject}: ${detail}`;
}
