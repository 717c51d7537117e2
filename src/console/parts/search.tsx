import { useSignal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n/text.ts";

/** Find and replace in one transcript. */
export function Search({
  query,
  current,
  found,
  onShow,
  onReplace,
}: {
  query: Signal<{ text: string; matchCase: boolean }>;
  current: Signal<number>;
  found: number;
  onShow: () => void;
  onReplace: (by: string, all: boolean) => void;
}): JSX.Element {
  const by = useSignal("");
  const go = (step: number): void => {
    if (found === 0) return;
    current.value = (Math.min(current.value, found - 1) + step + found) % found;
    setTimeout(onShow);
  };
  return (
    <div class="row search" role="search">
      <input
        type="search"
        aria-label={t("find")}
        placeholder={t("find")}
        value={query.value.text}
        onInput={({ currentTarget }) => {
          query.value = { ...query.value, text: currentTarget.value };
          current.value = 0;
          setTimeout(onShow);
        }}
        onKeyDown={(event) => event.key === "Enter" && go(event.shiftKey ? -1 : 1)}
      />
      <span class="found" role="status">
        {query.value.text.trim() !== "" &&
          (found === 0 ? t("not_found") : t("found", { at: Math.min(current.value, found - 1) + 1, n: found }))}
      </span>
      <button type="button" disabled={found === 0} aria-label={t("previous")} onClick={() => go(-1)}>
        ↑
      </button>
      <button type="button" disabled={found === 0} aria-label={t("next")} onClick={() => go(1)}>
        ↓
      </button>
      <input
        type="text"
        aria-label={t("replace")}
        placeholder={t("replace")}
        value={by.value}
        onInput={({ currentTarget }) => (by.value = currentTarget.value)}
      />
      <button type="button" disabled={found === 0} onClick={() => onReplace(by.value, false)}>
        {t("replace_one")}
      </button>
      <button type="button" disabled={found === 0} onClick={() => onReplace(by.value, true)}>
        {t("replace_all")}
      </button>
      <label>
        <input
          type="checkbox"
          checked={query.value.matchCase}
          onChange={({ currentTarget }) => (query.value = { ...query.value, matchCase: currentTarget.checked })}
        />{" "}
        {t("match_case")}
      </label>
    </div>
  );
}
