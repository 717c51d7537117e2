import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { cancel, canRetry, isOpen, items, openId, placeOf, remove, retry } from "../data/queue.ts";
import type { Item } from "../data/queue.ts";
import { timeText } from "../i18n/time.ts";
import { t } from "../i18n/text.ts";

/** The queue and what is done, newest first. */
export function FileList(): JSX.Element {
  return (
    <ul class="files">
      {items.value.map((item) => (
        <FileRow key={item.id} item={item} />
      ))}
    </ul>
  );
}

function FileRow({ item }: { item: Item }): JSX.Element {
  const { id, stage, transcript } = item;
  const isAsked = useSignal(false);
  return (
    <li class={`file ${stage}`} data-stage={stage}>
      <button
        type="button"
        class="file-name"
        aria-current={openId.value === id ? "true" : undefined}
        onClick={() => (openId.value = id)}
      >
        <bdi>{transcript.name}</bdi>
      </button>
      <p class="file-state">
        <Progress item={item} />
      </p>
      {(stage === "sending" || stage === "recognising") && (
        <progress
          max={1}
          {...(shareOf(item) === undefined ? {} : { value: shareOf(item) })}
          aria-label={transcript.name}
        />
      )}
      <div class="file-actions">
        {isOpen(item) && (
          <button type="button" aria-label={`${t("cancel")}: ${transcript.name}`} onClick={() => cancel(id)}>
            {t("cancel")}
          </button>
        )}
        {canRetry(item) && (
          <button type="button" aria-label={`${t("retry")}: ${transcript.name}`} onClick={() => retry(id)}>
            {t("retry")}
          </button>
        )}
        {!isOpen(item) && (
          <button
            type="button"
            class={isAsked.value ? "danger" : ""}
            aria-label={`${t(isAsked.value ? "remove_sure" : "remove")}: ${transcript.name}`}
            onBlur={() => (isAsked.value = false)}
            onClick={() => (isAsked.value ? remove(id) : (isAsked.value = true))}
          >
            {t(isAsked.value ? "remove_sure" : "remove")}
          </button>
        )}
      </div>
    </li>
  );
}

function Progress({ item }: { item: Item }): JSX.Element {
  const { stage, failure, retryAtMs, transcript, sent, startedMs } = item;
  const nowMs = useNow(retryAtMs !== undefined);
  const share = shareOf(item);
  switch (stage) {
    case "waiting":
      return (
        <>
          {retryAtMs === undefined
            ? t("place", { n: placeOf(item.id) ?? 1 })
            : `${reasonOf(failure)} ${t("retry_in", { n: Math.max(1, Math.ceil((retryAtMs - nowMs) / 1000)) })}`}
        </>
      );
    case "sending":
      return <>{t("sending", { percent: Math.floor(sent * 100) })}</>;
    case "recognising": {
      if (share === undefined || startedMs === undefined) return <>{t("recognising_start")}</>;
      const leftS = share > 0.05 ? ((Date.now() - startedMs) / 1000 / share) * (1 - share) : undefined;
      const percent = t("recognising", { percent: Math.floor(share * 100) });
      return <>{leftS === undefined || leftS < 5 ? percent : `${percent}, ${t("left", { time: timeText(leftS) })}`}</>;
    }
    case "failed":
      return (
        <span class="bad-text">
          {t("failed")}: {reasonOf(failure)}
        </span>
      );
    case "cancelled":
      return <>{t("cancelled")}</>;
    case "done":
      return <>{`${t("done")}, ${timeText(transcript.durationS)}`}</>;
  }
}

function reasonOf(failure: Item["failure"]): string {
  return failure === undefined || failure.message === "" ? t("network") : failure.message;
}

/** Of the work that is shown by the bar: sending, then recognition. */
function shareOf({ stage, sent, doneS, totalS }: Item): number | undefined {
  if (stage === "sending") return sent;
  return totalS === undefined || totalS <= 0 ? undefined : Math.min(1, doneS / totalS);
}

function useNow(isRunning: boolean): number {
  const nowMs = useSignal(Date.now());
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => (nowMs.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, [isRunning]);
  return nowMs.value;
}
