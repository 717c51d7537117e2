import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef } from "preact/hooks";
import { textOf } from "../data/document.ts";
import type { Paragraph } from "../data/document.ts";
import { timeText } from "../i18n/time.ts";
import { t } from "../i18n/text.ts";
import { useNear } from "./near.ts";

/** Paragraphs with words from the start; the others get them when they come near. */
const SHOWN_AT_ONCE = 30;

/** Below this a word is marked for the eye of a proofreader. */
const UNSURE = 0.6;

interface Props {
  readonly paragraph: Paragraph;
  /** Undefined for a mix. */
  readonly speaker: string | undefined;
  readonly index: number;
  readonly isEdited: boolean;
  readonly hits: ReadonlySet<number> | undefined;
  /** The one that is shown now among the hits. */
  readonly current: ReadonlySet<number> | undefined;
  readonly onEdit: (id: number | undefined) => void;
  readonly onText: (id: number, text: string) => void;
  readonly onPlay: (seconds: number) => void;
}

/** One paragraph: words to play from, or a text field. Everything typed counts at once: there is nothing to save and nothing to lose. */
export const ParagraphRow = memo(function ParagraphRow(props: Props): JSX.Element {
  const { paragraph, speaker, index, isEdited, onEdit, onPlay } = props;
  const start = paragraph.words[0]?.start ?? 0;
  const row = useRef<HTMLDivElement>(null);
  // The place that Find shows is scrolled to.
  const isNear = useNear(row, index < SHOWN_AT_ONCE) || props.current !== undefined;
  return (
    <div ref={row} class="paragraph" data-id={paragraph.id}>
      <button
        type="button"
        class="time-button"
        aria-label={t("play_from", { at: timeText(start) })}
        onClick={() => onPlay(start)}
      >
        {timeText(start)}
      </button>
      {speaker !== undefined && (
        <p class="speaker">
          <bdi>{speaker}</bdi>
        </p>
      )}
      {isEdited ? (
        <Field {...props} />
      ) : !isNear ? (
        <p class="words" lang="ru">
          {textOf(paragraph)}
        </p>
      ) : (
        <p class="words" lang="ru">
          {paragraph.words.map(({ word, confidence }, at) => (
            <>
              <button
                key={at}
                type="button"
                class={classOf(props, at, confidence)}
                tabIndex={index === 0 && at === 0 ? 0 : -1}
                id={`w${paragraph.id}-${at}`}
                title={
                  confidence === undefined || confidence >= UNSURE
                    ? undefined
                    : t("unsure", { percent: Math.round(confidence * 100) })
                }
              >
                {word}
              </button>{" "}
            </>
          ))}
        </p>
      )}
      <button
        type="button"
        class="edit-button"
        aria-label={`${t(isEdited ? "edit_done" : "edit")} (${timeText(start)})`}
        onClick={() => onEdit(isEdited ? undefined : paragraph.id)}
      >
        {isEdited ? "✓" : "✎"}
      </button>
    </div>
  );
});

function Field({ paragraph, onEdit, onText }: Props): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const fit = (): void => {
    if (field.current === null) return;
    field.current.rows = 1;
    field.current.rows = Math.max(
      1,
      Math.ceil(field.current.scrollHeight / Number.parseFloat(getComputedStyle(field.current).lineHeight)),
    );
  };
  // Before the next key arrives: its letter belongs here.
  useLayoutEffect(() => {
    field.current?.focus();
    fit();
  }, []);
  return (
    <textarea
      ref={field}
      lang="ru"
      class="words"
      defaultValue={textOf(paragraph)}
      aria-label={t("edit_label", { at: timeText(paragraph.words[0]?.start ?? 0) })}
      onInput={({ currentTarget }) => {
        fit();
        onText(paragraph.id, currentTarget.value);
      }}
      onKeyDown={(event) => {
        const isDone = event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey));
        if (!isDone) return;
        event.preventDefault();
        event.stopPropagation();
        onEdit(undefined);
      }}
    />
  );
}

function classOf({ hits, current }: Props, at: number, confidence: number | undefined): string {
  const unsure = confidence !== undefined && confidence < UNSURE ? " unsure" : "";
  const hit = current?.has(at) ? " hit current" : hits?.has(at) ? " hit" : "";
  return `word${unsure}${hit}`;
}
