import type { Hypothesis, Word } from "../../engine/contract.ts";
import type { KeyUse } from "../access/keys.ts";
import { ownerOf } from "../access/owner.ts";
import type { RuntimeContext } from "../context.ts";

/** What a session said so far, for the archive. */
export interface SessionRecord {
  heard(hypothesis: Hypothesis): void;
  /** The next words count their times from here, seconds of the session's audio. */
  continueAt(audioS: number): void;
  /** Hands it to the archive. */
  finish(audioS: number): void;
}

/** Ten hours of speech. What comes later is left out. */
const MOST_WORDS = 100_000;

/** Returns undefined where sessions are not archived: then nothing is collected. */
export function recordSession(
  { archive, clock }: Pick<RuntimeContext, "archive" | "clock">,
  { client, use }: { readonly client: string; readonly use?: KeyUse | undefined },
): SessionRecord | undefined {
  if (archive?.takes("session") !== true) return undefined;
  const createdMs = clock.nowMs();
  const texts: string[] = [];
  const words: Word[] = [];
  let offsetS = 0;
  return {
    heard: ({ type, committed, tentative, words: heard }) => {
      if (type !== "final" || words.length >= MOST_WORDS) return;
      const text = `${committed} ${tentative}`.trim();
      if (text === "") return;
      texts.push(text);
      for (const word of heard) words.push({ ...word, start: word.start + offsetS, end: word.end + offsetS });
    },
    continueAt: (audioS) => {
      offsetS = audioS;
    },
    finish: (durationS) => {
      if (texts.length === 0) return;
      archive.keep({
        owner: ownerOf({ client: { key: client }, use }),
        source: "session",
        createdMs,
        transcripts: [{ text: texts.join(" "), words, durationS }],
      });
    },
  };
}
