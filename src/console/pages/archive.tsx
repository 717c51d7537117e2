import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { timeText } from "../i18n/time.ts";
import { language, t } from "../i18n/text.ts";
import { ArchivedTranscript, nameOf } from "../parts/archived-transcript.tsx";
import { Command } from "../parts/command.tsx";
import { findArchived } from "../wire/archive.ts";
import type { ArchiveHit, ArchiveItem } from "../wire/archive.ts";
import { WireFailure } from "../wire/events.ts";

interface Results {
  readonly question: string;
  readonly items: readonly ArchiveItem[];
  readonly next: string | undefined;
}

interface Opened {
  readonly item: ArchiveItem;
  readonly atS: number | undefined;
}

/** What the server keeps, searched by word. */
export function ArchivePage(): JSX.Element {
  const typed = useSignal("");
  const results = useSignal<Results | undefined>(undefined);
  const failure = useSignal<WireFailure | undefined>(undefined);
  const opened = useSignal<Opened | undefined>(undefined);
  const isBusy = useSignal(false);

  const find = async (question: string, more?: Results): Promise<void> => {
    isBusy.value = true;
    try {
      const page = await findArchived(question, more?.next);
      failure.value = undefined;
      results.value = { question, items: [...(more?.items ?? []), ...page.data], next: page.next };
    } catch (error) {
      failure.value = error instanceof WireFailure ? error : new WireFailure(t("network"));
    }
    isBusy.value = false;
  };
  useEffect(() => void find(""), []);

  const now = results.value;
  if (failure.value?.code === "archive_disabled") return <Off />;
  return (
    <section class="archive" aria-label={t("archive")}>
      <h1>{t("archive")}</h1>
      {opened.value === undefined ? (
        <>
          <form
            class="row"
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              void find(typed.value);
            }}
          >
            <input
              type="search"
              aria-label={t("archive_search")}
              placeholder={t("archive_search")}
              maxLength={500}
              value={typed.value}
              onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
            />
            <button type="submit" class="primary" disabled={isBusy.value}>
              {t("find")}
            </button>
          </form>
          <p class="hint">{t("archive_hint")}</p>
          {failure.value !== undefined && (
            <p class="notice bad" role="alert">
              {failure.value.code === "insufficient_scope" ? t("archive_scope") : failure.value.message}
            </p>
          )}
          <p role="status">
            {now !== undefined &&
              now.items.length === 0 &&
              t(now.question.trim() === "" ? "archive_empty" : "not_found")}
          </p>
          <ol class="archive-list">
            {now?.items.map((item) => (
              <Row key={item.id} item={item} onOpen={(atS) => (opened.value = { item, atS })} />
            ))}
          </ol>
          {now?.next !== undefined && (
            <button type="button" disabled={isBusy.value} onClick={() => void find(now.question, now)}>
              {t("archive_more")}
            </button>
          )}
        </>
      ) : (
        <ArchivedTranscript
          item={opened.value.item}
          atS={opened.value.atS}
          onBack={() => (opened.value = undefined)}
          onDeleted={(id) => {
            opened.value = undefined;
            if (now !== undefined) results.value = { ...now, items: now.items.filter((item) => item.id !== id) };
          }}
        />
      )}
    </section>
  );
}

function Row({ item, onOpen }: { item: ArchiveItem; onOpen: (atS: number | undefined) => void }): JSX.Element {
  const shown = item.hits.reduce((sum, { marks }) => sum + marks.length, 0);
  return (
    <li>
      <button type="button" class="archive-title" onClick={() => onOpen(undefined)}>
        <bdi>{nameOf(item)}</bdi>
      </button>
      <span class="hint">
        {item.title !== undefined && `${new Date(item.created_at * 1000).toLocaleString(language.value)} · `}
        {timeText(item.duration)}
        {item.owner !== undefined && (
          <>
            {" · "}
            <bdi>{item.owner}</bdi>
          </>
        )}
      </span>
      {item.hits.map((hit) => (
        <button key={hit.start} type="button" class="archive-hit" onClick={() => onOpen(hit.start)}>
          <span class="time-button">{timeText(hit.start)}</span> <Marked hit={hit} />
        </button>
      ))}
      {item.matches > shown && <span class="hint">{t("archive_matches", { n: item.matches - shown })}</span>}
    </li>
  );
}

/** The server sends positions, never markup. */
function Marked({ hit: { text, marks } }: { hit: ArchiveHit }): JSX.Element {
  return (
    <span lang="ru">
      {marks.map(([from, to], n) => (
        <>
          {text.slice(marks[n - 1]?.[1] ?? 0, from)}
          <mark>{text.slice(from, to)}</mark>
        </>
      ))}
      {text.slice(marks.at(-1)?.[1] ?? 0)}
    </span>
  );
}

function Off(): JSX.Element {
  return (
    <section aria-label={t("archive")}>
      <h1>{t("archive")}</h1>
      <p>{t("archive_off")}</p>
      <Command text={"archive:\n  enabled: true"} />
    </section>
  );
}
