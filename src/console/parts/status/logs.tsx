import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ConsoleLogLine, ConsoleLogs } from "../../../shared/console-status.ts";
import { t } from "../../i18n/text.ts";
import { supervisorPart } from "../../wire/address.ts";
import { askServer } from "../../wire/operator.ts";

const EVERY_MS = 5000;
const TYPING_MS = 400;
const MAX_SHOWN = 300;
const LEVELS = ["debug", "info", "warn", "error"] as const;

/** The end of the logs, and what is added to it. */
export function Logs(): JSX.Element {
  const process = useSignal("");
  const level = useSignal("info");
  const text = useSignal("");
  const processes = useSignal<readonly string[]>([]);
  const lines = useSignal<readonly ConsoleLogLine[]>([]);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let timer = 0;
    let isGone = false;
    lines.value = [];
    const ask = async (): Promise<void> => {
      const since = lines.value.at(-1)?.time ?? "";
      const query = new URLSearchParams({ process: process.value, level: level.value, text: text.value, since });
      const said = document.hidden ? undefined : await askServer<ConsoleLogs>(`${supervisorPart("logs")}?${query}`);
      if (isGone) return;
      if (typeof said === "object") {
        processes.value = said.processes;
        // The newest known moment comes once more: another line of it may have been written since.
        if (said.lines.length > 0)
          lines.value = [...lines.value.filter(({ time }) => time < since), ...said.lines].slice(-MAX_SHOWN);
      }
      timer = window.setTimeout(() => void ask(), EVERY_MS);
    };
    timer = window.setTimeout(() => void ask(), text.value === "" ? 0 : TYPING_MS);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [process.value, level.value, text.value]);
  useEffect(() => {
    const box = list.current;
    if (box !== null && box.scrollHeight - box.scrollTop - box.clientHeight < 200) box.scrollTop = box.scrollHeight;
  }, [lines.value]);
  return (
    <>
      <div class="row">
        <label>
          {t("log_process")}{" "}
          <select value={process.value} onChange={({ currentTarget }) => (process.value = currentTarget.value)}>
            <option value="">{t("log_all")}</option>
            {processes.value.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          {t("log_level")}{" "}
          <select value={level.value} onChange={({ currentTarget }) => (level.value = currentTarget.value)}>
            {LEVELS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          {t("log_text")}{" "}
          <input
            type="search"
            value={text.value}
            maxLength={200}
            onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          />
        </label>
      </div>
      <div class="log" ref={list} tabIndex={0} role="region" aria-label={t("log")}>
        {lines.value.length === 0 && <p>{t("log_empty")}</p>}
        {lines.value.map((line, index) => (
          <p key={`${line.time} ${index}`} data-level={line.level}>
            <time dateTime={line.time}>{line.time.slice(0, 19).replace("T", " ")}</time> <b>{line.level}</b>{" "}
            {line.process} {line.text}
          </p>
        ))}
      </div>
    </>
  );
}
