import type { Transcript } from "../../engine/contract.ts";
import { languageOf } from "../../shared/languages.ts";
import { segmentsInTurn } from "../../shared/transcript/segments.ts";
import type { ChannelText } from "../../shared/transcript/segments.ts";
import { joinTexts } from "../../shared/transcript/transcript.ts";
import { languageName } from "../language.ts";
import type { AsrRequest } from "./request.ts";

/** Returns the JSON of Whisper as its clients read it: the text, its segments, the language. Channels are speakers, numbered as WhisperX does. */
export function whisperJson(
  transcripts: readonly Transcript[],
  { wantsWords, languages }: Pick<AsrRequest, "wantsWords" | "languages">,
): unknown {
  const text = joinTexts(transcripts);
  const words = transcripts.map((transcript) => transcript.words);
  return {
    text,
    segments: segmentsInTurn(transcripts).map((segment, id) => ({
      id,
      start: segment.start,
      end: segment.end,
      text: segment.text,
      ...(segment.channel === undefined ? {} : { speaker: `SPEAKER_${String(segment.channel).padStart(2, "0")}` }),
      ...(wantsWords ? { words: wordsOf(words[segment.channel ?? 0] ?? [], segment) } : {}),
    })),
    language: languageOf(text, languages),
  };
}

function wordsOf(words: Transcript["words"], { start, end }: ChannelText): unknown {
  return words
    .filter((word) => word.start >= start && word.end <= end)
    .map((word) => ({ word: word.word, start: word.start, end: word.end, probability: word.confidence }));
}

/** Returns which of the model's languages the words are in, and how sure the recogniser was of them. */
export function languageAnswer([transcript]: readonly Transcript[], spoken: readonly string[]): unknown {
  const code = languageOf(transcript?.text ?? "", spoken);
  return {
    detected_language: languageName(code),
    language_code: code,
    confidence: transcript?.confidence ?? 0,
  };
}
