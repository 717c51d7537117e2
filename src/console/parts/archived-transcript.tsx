import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { TRANSCRIPT_FORMATS } from "../../shared/protocol.ts";
import type { TimedWord } from "../../shared/transcript/transcript.ts";
import { timeText } from "../i18n/time.ts";
import { language, t } from "../i18n/text.ts";
import { archivedFile, deleteArchived, readArchived } from "../wire/archive.ts";
import type { ArchivedText, ArchiveItem } from "../wire/archive.ts";

interface Props {
  readonly item: ArchiveItem;
  /** The word to show, by its time. */
  readonly atS: number | undefined;
  readonly onBack: () => void;
  readonly onDeleted: (id: string) => void;
}

/** One archived transcript, open at a word. The browser lays out only the paragraphs near the window (`content-visibility`). */
export function ArchivedTranscript({ item, atS, onBack, onDeleted }: Props): JSX.Element {
  const text = useSignal<ArchivedText | undefined>(undefined);
  const problem = useSignal("");
  const isSure = useSignal(false);
  const back = useRef<HTMLButtonElement>(null);
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    let isGone = false;
    back.current?.focus();
    readArchived(item.id).then(
      (found) => !isGone && (text.value = found),
      (error: unknown) => !isGone && (problem.value = error instanceof Error ? error.message : t("network")),
    );
    return () => (isGone = true);
  }, [item.id]);
  useEffect(() => {
    place.current?.scrollIntoView({ block: "center" });
    place.current?.focus({ preventScroll: true });
  }, [text.value]);

  const remove = async (): Promise<void> => {
    if (!isSure.value) {
      isSure.value = true;
      return;
    }
    try {
      await deleteArchived(item.id);
      onDeleted(item.id);
    } catch (error) {
      problem.value = error instanceof Error && error.message !== "" ? error.message : t("network");
    }
  };
  const name = nameOf(item);
  return (
    <article aria-label={name}>
      <div class="row">
        <button ref={back} type="button" onClick={onBack}>
          ← {t("archive_back")}
        </button>
        <button type="button" class="danger" onClick={() => void remove()}>
          {t(isSure.value ? "remove_sure" : "remove")}
        </button>
      </div>
      <h2>
        <bdi>{name}</bdi>
      </h2>
      <div class="exports" role="group" aria-label={t("download")}>
        {TRANSCRIPT_FORMATS.map((format) => (
          <a
            key={format}
            href={archivedFile(item.id, format, "transcript")}
            aria-label={`${t("download")} ${format}`}
            download
          >
            {format}
          </a>
        ))}
      </div>
      {problem.value !== "" && (
        <p class="notice bad" role="alert">
          {problem.value}
        </p>
      )}
      {text.value !== undefined &&
        paragraphsOf(text.value).map(({ start, words }, n) => (
          <p key={n} class="archive-paragraph" lang="ru">
            <span class="hint">{timeText(start)}</span>{" "}
            {words.some((word) => isAt(word, atS))
              ? words.map((word) =>
                  isAt(word, atS) ? (
                    <>
                      <mark ref={place} tabIndex={-1}>
                        {word.word}
                      </mark>{" "}
                    </>
                  ) : (
                    `${word.word} `
                  ),
                )
              : words.map(({ word }) => word).join(" ")}
          </p>
        ))}
    </article>
  );
}

/** Returns what a transcript is called where it has no title. */
export function nameOf({ title, created_at: createdS }: Pick<ArchiveItem, "title" | "created_at">): string {
  return title ?? new Date(createdS * 1000).toLocaleString(language.value);
}

// ---

function isAt({ start }: TimedWord, atS: number | undefined): boolean {
  return atS !== undefined && Math.abs(start - atS) < 0.001;
}

/** Words by the segments that the server cut; those of several channels stand beside each other. */
function paragraphsOf({
  segments,
  words,
  text,
}: ArchivedText): readonly { start: number; words: readonly TimedWord[] }[] {
  // An imported text may have no times.
  if (words.length === 0) return text === "" ? [] : [{ start: 0, words: [{ word: text, start: 0, end: 0 }] }];
  let at = 0;
  const paragraphs = segments.map(({ start }, n) => {
    const until = segments[n + 1]?.start ?? Infinity;
    const from = at;
    while (at < words.length && (words[at]?.start ?? 0) < until) at++;
    return { start, words: words.slice(from, at) };
  });
  return paragraphs.filter((paragraph) => paragraph.words.length > 0);
}
