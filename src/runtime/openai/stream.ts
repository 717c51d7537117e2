import type { Hypothesis, Transcript, Word } from "../../engine/contract.ts";
import { transcriptJson } from "../../shared/transcript/json.ts";
import { languagesOf, logprobsOf, speakerOf, speakerSegment, speakerSegments, usageOf } from "./answers.ts";
import type { TranscriptionRequest } from "./request.ts";

/** The events of one streamed transcription. Clients add up the deltas and cannot take words back: the sum is the final text. */
export interface TranscriptEvents {
  /** Events of an utterance. */
  heard(hypothesis: Hypothesis): readonly unknown[];
  /** Events at the end. */
  done(transcripts: readonly Transcript[]): readonly unknown[];
}

export function createTranscriptEvents(request: TranscriptionRequest): TranscriptEvents {
  const isDiarized = request.format === "diarized_json";
  const words: Word[] = [];
  let text = "";
  let segments = 0;

  const delta = (spoken: string, heard: readonly Word[]): readonly unknown[] => {
    if (spoken === "") return [];
    const part = text === "" ? spoken : ` ${spoken}`;
    text += part;
    words.push(...heard);
    const logprobs = request.wantsLogprobs ? { logprobs: logprobsOf(heard) } : {};
    const id = isDiarized ? { segment_id: `seg_${segments}` } : {};
    return [{ type: "transcript.text.delta", delta: part, ...id, ...logprobs }];
  };

  return {
    heard: ({ type, committed, tentative, words: heard, channel }) => {
      const spoken = committed + tentative;
      // Deltas cannot be taken back or put in order: channels on their own follow at the end, in the order of time.
      if (type !== "final" || spoken === "" || channel !== undefined) return [];
      const events = delta(spoken, heard);
      if (!isDiarized) return events;
      const times = { start: heard[0]?.start ?? 0, end: heard.at(-1)?.end ?? 0 };
      return [...events, speakerSegment({ ...times, text: spoken }, segments++, speakerOf(0, request))];
    },
    done: (transcripts) => {
      const { duration, warnings } = transcriptJson(transcripts);
      const late =
        transcripts.length > 1
          ? speakerSegments(transcripts, request).flatMap((segment) => {
              const events = delta(segment.text, []);
              segments++;
              return isDiarized ? [...events, segment] : events;
            })
          : [];
      return [
        ...late,
        {
          type: "transcript.text.done",
          text,
          ...(request.wantsLogprobs ? { logprobs: logprobsOf(words) } : {}),
          languages: languagesOf(text, request),
          usage: usageOf(duration),
          ...(warnings === undefined ? {} : { warnings }),
        },
      ];
    },
  };
}
