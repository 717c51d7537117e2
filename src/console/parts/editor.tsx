import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { wordAt } from "../data/document.ts";
import type { Paragraph } from "../data/document.ts";
import { editParagraph, findMatches, replaceMatches, wordsIn } from "../data/edit.ts";
import type { Match } from "../data/edit.ts";
import { change, redo, startHistory, undo } from "../data/history.ts";
import type { History } from "../data/history.ts";
import { isBeingSaid } from "../data/live.ts";
import { audioOf, changeTranscript, isOpen } from "../data/queue.ts";
import type { Item } from "../data/queue.ts";
import { t } from "../i18n/text.ts";
import { Exports } from "./exports.tsx";
import { ParagraphRow } from "./paragraph.tsx";
import { Player } from "./player.tsx";
import type { PlayerControl, Stretch } from "./player.tsx";
import { Speakers, speakerOf } from "./speakers.tsx";
import { Search } from "./search.tsx";
import { focusWord, handleWordKey } from "./word-keys.ts";

/** A transcript: its sound, its text, and what can be done with both. */
export function Editor({ item }: { item: Item }): JSX.Element {
  const { transcript } = item;
  const audio = useSignal<Blob | undefined>(undefined);
  const history = useSignal<History<readonly Paragraph[]>>(startHistory(transcript.paragraphs));
  const editedId = useSignal<number | undefined>(undefined);
  const withTimes = useSignal(true);
  const follows = useSignal(true);
  const query = useSignal({ text: "", matchCase: false });
  const currentHit = useSignal(0);
  const player = useRef<PlayerControl | undefined>(undefined);
  const text = useRef<HTMLDivElement>(null);
  const playing = useRef<Element | null>(null);
  const isRunning = isOpen(item) || isBeingSaid(item.id);
  const paragraphs = isRunning ? transcript.paragraphs : history.value.present;

  useEffect(() => {
    let isGone = false;
    void audioOf(item.id).then((found) => !isGone && (audio.value = found));
    return () => (isGone = true);
  }, [item.id, item.stage]);
  useEffect(() => {
    if (!isRunning) history.value = startHistory(transcript.paragraphs);
  }, [isRunning]);

  const apply = useCallback((next: History<readonly Paragraph[]>) => {
    if (next === history.value) return;
    history.value = next;
    changeTranscript(item.id, { paragraphs: next.present });
  }, []);
  const play = useCallback((seconds: number) => player.current?.playFrom(seconds), []);
  const edit = useCallback((id: number | undefined) => {
    const left = editedId.value;
    editedId.value = id;
    if (id === undefined && left !== undefined) setTimeout(() => focusWord(document.querySelector(`#w${left}-0`)));
  }, []);
  const type = useCallback(
    (id: number, typed: string) =>
      apply(change(history.value, editParagraph(history.value.present, id, typed), `text ${id}`)),
    [],
  );

  const matches = useMemo(
    () => findMatches(paragraphs, query.value.text, query.value.matchCase),
    [paragraphs, query.value],
  );
  const hits = useMemo(() => groupHits(paragraphs, matches), [paragraphs, matches]);
  const hit = matches[Math.min(currentHit.value, matches.length - 1)];
  const current = useMemo(() => groupHits(paragraphs, hit === undefined ? [] : [hit]), [paragraphs, hit]);

  const showTime = useCallback((seconds: number) => {
    const place = wordAt(history.value.present, seconds);
    const found = place && document.querySelector(`#w${history.value.present[place.paragraph]?.id}-${place.word}`);
    // A paragraph that is far away has no words: it gets them when it comes near.
    const shown = found ?? (place && paragraphElement(text.current, history.value.present[place.paragraph]?.id));
    if (shown === playing.current) return;
    playing.current?.classList.remove("now");
    found?.classList.add("now");
    playing.current = shown ?? null;
    if (follows.value && editedId.value === undefined) shown?.scrollIntoView({ block: "nearest" });
  }, []);

  const onClick = (event: MouseEvent): void => {
    const word = (event.target as Element).closest(".word"); // events in the tree come from elements
    if (word !== null) playWord(word);
  };
  const playWord = (word: Element): void => {
    const start = startOf(word, paragraphs);
    if (start !== undefined) play(start);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const isTyping = (event.target as Element).matches("textarea, input");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !isTyping) {
      event.preventDefault();
      return apply(event.shiftKey ? redo(history.value) : undo(history.value));
    }
    if (isTyping) return;
    handleWordKey(event, text.current, {
      play: playWord,
      toggle: () => player.current?.toggle(),
      step: (seconds) => player.current?.step(seconds),
      edit: (id) => !isRunning && edit(id),
    });
  };

  return (
    <section class="editor" aria-label={transcript.name}>
      <h1>
        <bdi>{transcript.name}</bdi>
      </h1>
      {item.isUnsaved && <p class="notice bad">{t("unsaved")}</p>}
      {transcript.warnings.map((warning) => (
        <p key={warning} class="notice">
          {t("warning")}: {warning}
        </p>
      ))}
      {audio.value === undefined ? (
        item.stage === "done" && <p class="hint">{t("no_audio")}</p>
      ) : (
        <Player
          audio={audio.value}
          durationS={transcript.durationS}
          peaks={transcript.peaks}
          control={(given) => (player.current = given)}
          onTime={showTime}
          stretchAt={(seconds) => stretchAt(paragraphs, seconds)}
        />
      )}
      {!isRunning && <Speakers transcript={transcript} />}
      {!isRunning && paragraphs.length > 0 && (
        <div class="tools">
          <Exports transcript={{ ...transcript, paragraphs }} />
          <div class="row">
            <button type="button" disabled={history.value.past.length === 0} onClick={() => apply(undo(history.value))}>
              {t("undo")}
            </button>
            <button
              type="button"
              disabled={history.value.future.length === 0}
              onClick={() => apply(redo(history.value))}
            >
              {t("redo")}
            </button>
            <label>
              <input
                type="checkbox"
                checked={withTimes.value}
                onChange={({ currentTarget }) => (withTimes.value = currentTarget.checked)}
              />{" "}
              {t("times")}
            </label>
            <label>
              <input
                type="checkbox"
                checked={follows.value}
                onChange={({ currentTarget }) => (follows.value = currentTarget.checked)}
              />{" "}
              {t("follow")}
            </label>
          </div>
          <Search
            query={query}
            current={currentHit}
            found={matches.length}
            onShow={() => document.querySelector(".word.current")?.scrollIntoView({ block: "center" })}
            onReplace={(by, all) =>
              apply(
                change(history.value, replaceMatches(paragraphs, all ? matches : hit === undefined ? [] : [hit], by)),
              )
            }
          />
        </div>
      )}
      <div
        ref={text}
        class={`transcript${withTimes.value ? "" : " without-times"}`}
        role="group"
        aria-label={t("words")}
        onClick={onClick}
        onKeyDown={onKeyDown}
      >
        {paragraphs.map((paragraph, index) => (
          <ParagraphRow
            key={paragraph.id}
            paragraph={paragraph}
            speaker={paragraph.channel === undefined ? undefined : speakerOf(transcript, paragraph.channel)}
            index={index}
            isEdited={editedId.value === paragraph.id}
            hits={hits.get(paragraph.id)}
            current={current.get(paragraph.id)}
            onEdit={edit}
            onText={type}
            onPlay={play}
          />
        ))}
        {item.tentative !== "" && (
          <p class="words tentative" lang="ru">
            {item.tentative}
          </p>
        )}
      </div>
      {item.stage === "done" && paragraphs.length === 0 && <p class="hint">{t("no_speech")}</p>}
      {item.stage === "done" && paragraphs.length > 0 && <p class="hint">{`${t("keys")} ${t("saved")}`}</p>}
    </section>
  );
}

// ---

function groupHits(
  paragraphs: readonly Paragraph[],
  matches: readonly Match[],
): ReadonlyMap<number, ReadonlySet<number>> {
  const wanted = new Set(matches.map(({ id }) => id));
  return new Map(
    paragraphs
      .filter(({ id }) => wanted.has(id))
      .map((paragraph) => [
        paragraph.id,
        wordsIn(
          paragraph,
          matches.filter(({ id }) => id === paragraph.id),
        ),
      ]),
  );
}

/** The paragraph that is heard at a time, else the first. */
function stretchAt(paragraphs: readonly Paragraph[], seconds: number): Stretch | undefined {
  const { words = [] } = paragraphs[wordAt(paragraphs, seconds)?.paragraph ?? 0] ?? {};
  const [first, last] = [words[0], words.at(-1)];
  return first === undefined || last === undefined ? undefined : { start: first.start, end: last.end };
}

function paragraphElement(list: HTMLElement | null, id: number | undefined): Element | null | undefined {
  return list?.querySelector(`.paragraph[data-id="${id}"]`);
}

function startOf(word: Element, paragraphs: readonly Paragraph[]): number | undefined {
  const [, id, at] = /^w(\d+)-(\d+)$/.exec(word.id) ?? [];
  return paragraphs.find((paragraph) => paragraph.id === Number(id))?.words[Number(at)]?.start;
}
