import type { Hypothesis } from "../../engine/contract.ts";
import type { RuntimeContext } from "../context.ts";
import { errorBody } from "../../shared/error-forms.ts";
import type { Dialect, FrameReader, Heard, Message, ReaderTools } from "../sessions/dialect.ts";
import { parseVoskMessage, voskResult } from "./messages.ts";
import type { VoskConfig } from "./messages.ts";

const MAX_BAD_TEXTS = 10;

/**
 * The protocol of vosk-server: each audio frame is answered by one message, a partial result or the result of an utterance that has ended;
 * `eof` by the last result and Close. Clients send a frame, read one answer and go on, so there is never a second one.
 */
export function createVoskDialect({ settings }: RuntimeContext): Dialect {
  const { stream, vosk } = settings.current;
  let wanted: VoskConfig = { sampleRateHz: vosk.sampleRate, hasWords: false, alternatives: 0, hotWords: [] };
  let partial = "";
  /** Finals that no frame has asked for yet. */
  let finals: Hypothesis[] = [];
  let audioBytes = 0;
  /** Where the engine's present stream began. */
  let fromBytes = 0;
  let badTexts = 0;

  const secondsOf = (bytes: number): number => bytes / 2 / wanted.sampleRateHz;
  const takeResult = (): string => {
    const result = voskResult(finals, wanted, secondsOf(fromBytes));
    finals = [];
    return result;
  };

  const heard = ({ hypothesis, isLast }: Heard): readonly Message[] => {
    if (hypothesis.type === "partial") {
      partial = hypothesis.committed + hypothesis.tentative;
      return [];
    }
    partial = "";
    finals.push(hypothesis);
    return isLast ? [takeResult()] : [];
  };

  const createReader = (tools: ReaderTools): FrameReader => {
    const readAudio = (audio: Uint8Array): void => {
      audioBytes += audio.length;
      const { endpoint, minSilenceMs, commitPolicy } = stream;
      const { sampleRateHz, hotWords } = wanted;
      tools.write(audio, { sampleRateHz, endpoint, minSilenceMs, commitPolicy, hotWords });
    };
    const readText = (text: string): void => {
      const message = parseVoskMessage(text, wanted);
      switch (message.kind) {
        case "eof":
          return tools.stop();
        case "reset":
          return void tools.endUtterance().then(() => {
            fromBytes = audioBytes;
          });
        case "config":
          // The recogniser has its rate from the first frame on.
          wanted = audioBytes === 0 ? message.config : { ...message.config, sampleRateHz: wanted.sampleRateHz };
          return;
        case "refused":
          badTexts++;
          tools.sendError(message.error);
          if (badTexts >= MAX_BAD_TEXTS) tools.violate(`${MAX_BAD_TEXTS} text frames were not known messages`);
      }
    };
    return {
      read: (frame) => {
        if ("text" in frame) return readText(frame.text);
        readAudio(frame.audio);
        tools.send(finals.length > 0 ? takeResult() : JSON.stringify({ partial }));
      },
      readLate: (frame) => {
        if ("audio" in frame) readAudio(frame.audio);
      },
      get audioS() {
        return secondsOf(audioBytes);
      },
    };
  };

  return { greet: () => [], heard, failed: (error) => [JSON.stringify(errorBody(error))], createReader };
}
