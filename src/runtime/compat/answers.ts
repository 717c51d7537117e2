import type { Transcript } from "../../engine/contract.ts";
import { MODEL_LANGUAGE } from "../../shared/protocol.ts";
import { segmentsInTurn } from "../../shared/transcript/segments.ts";
import type { ChannelText } from "../../shared/transcript/segments.ts";
import { joinTexts } from "../../shared/transcript/transcript.ts";
import type { AsrRequest } from "./request.ts";

/** Returns the JSON of Whisper as its clients read it: the text, its segments, the language. Channels are speakers, numbered as WhisperX does. */
export function whisperJson(
  transcripts: readonly Transcript[],
  { wantsWords }: Pick<AsrRequest, "wantsWords">,
): unknown {
  const words = transcripts.map((transcript) => transcript.words);
  return {
    text: joinTexts(transcripts),
    segments: segmentsInTurn(transcripts).map((segment, id) => ({
      id,
      start: segment.start,
      end: segment.end,
      text: segment.text,
      ...(segment.channel === undefined ? {} : { speaker: `SPEAKER_${String(segment.channel).padStart(2, "0")}` }),
      ...(wantsWords ? { words: wordsOf(words[segment.channel ?? 0] ?? [], segment) } : {}),
    })),
    language: MODEL_LANGUAGE.code,
  };
}

function wordsOf(words: Transcript["words"], { start, end }: ChannelText): unknown {
  return words
    .filter((word) => word.start >= start && word.end <= end)
    .map((word) => ({ word: word.word, start: word.start, end: word.end, probability: word.confidence }));
}

/** Returns what is known of the language: the one the model has, and how sure the recogniser was of the words it heard. */
export function languageAnswer([transcript]: readonly Transcript[]): unknown {
  return {
    detected_language: MODEL_LANGUAGE.name,
    language_code: MODEL_LANGUAGE.code,
    confidence: transcript?.confidence ?? 0,
  };
}
