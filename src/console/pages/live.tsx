import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { listMicrophones } from "../audio/microphone.ts";
import { textOf } from "../data/document.ts";
import {
  clearLive,
  committed,
  latencyMs,
  level,
  liveError,
  liveState,
  said,
  startLive,
  stopLive,
  tentative,
} from "../data/live.ts";
import { t } from "../i18n/text.ts";
import { Command } from "../parts/command.tsx";
import { Exports } from "../parts/exports.tsx";

const ENDS = ["auto", "assistant", "manual"] as const;

/** The microphone of this device, as text while it is spoken. */
export function LivePage(): JSX.Element {
  return window.isSecureContext && navigator.mediaDevices !== undefined ? <Session /> : <NotSecure />;
}

function Session(): JSX.Element {
  const device = useSignal("");
  const end = useSignal<string>("auto");
  const devices = useSignal<readonly MediaDeviceInfo[]>([]);
  const captions = useRef<HTMLDialogElement>(null);
  const isRunning = liveState.value !== "stopped";
  useEffect(() => {
    const list = (): void => void listMicrophones().then((found) => (devices.value = found));
    list();
    navigator.mediaDevices.addEventListener("devicechange", list);
    return () => navigator.mediaDevices.removeEventListener("devicechange", list);
  }, [liveState.value === "listening"]);
  return (
    <section class="live" aria-label={t("live")}>
      <h1>{t("live")}</h1>
      <div class="row">
        <button
          type="button"
          class={isRunning ? "danger" : "primary"}
          onClick={() => void (isRunning ? stopLive() : startLive(device.value, end.value))}
        >
          {t(isRunning ? "stop" : "start")}
        </button>
        <Meter />
        <label>
          {t("device")}{" "}
          <select
            disabled={isRunning}
            value={device.value}
            onChange={({ currentTarget }) => (device.value = currentTarget.value)}
          >
            <option value="">{t("device_default")}</option>
            {devices.value.map(({ deviceId, label }) => (
              <option key={deviceId} value={deviceId}>
                {label || deviceId.slice(0, 8)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("ends")}{" "}
          <select
            disabled={isRunning}
            value={end.value}
            onChange={({ currentTarget }) => (end.value = currentTarget.value)}
          >
            {ENDS.map((name) => (
              <option key={name} value={name}>
                {t(`ends_${name}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => captions.current?.showModal()}>
          {t("captions")}
        </button>
      </div>
      <p class={`live-state ${liveState.value}`} role="status">
        {t(STATE_TEXTS[liveState.value])}
      </p>
      {liveError.value !== "" && (
        <p class="notice bad" role="alert">
          {liveError.value}
        </p>
      )}
      <Said isLive />
      {latencyMs.value !== undefined && <p class="hint">{t("latency", { n: latencyMs.value })}</p>}
      {said.value !== undefined && (
        <div class="row">
          <Exports transcript={said.value} />
          <button type="button" disabled={isRunning} onClick={clearLive}>
            {t("clear")}
          </button>
        </div>
      )}
      <dialog ref={captions} class="captions" aria-label={t("captions")}>
        <Said />
        <button type="button" onClick={() => captions.current?.close()}>
          {t("captions_close")}
        </button>
      </dialog>
    </section>
  );
}

const STATE_TEXTS = {
  stopped: "not_listening",
  connecting: "connecting",
  listening: "listening",
  reconnecting: "reconnecting",
} as const;

function Meter(): JSX.Element {
  return <meter class="level" min={0} max={1} high={0.92} value={level.value} aria-label={t("level")} />;
}

/** Finals are announced once, politely; what may still change is left to the eyes. */
function Said({ isLive = false }: { isLive?: boolean }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <div ref={box} class="said" tabIndex={0} role="group" aria-label={t("live_words")}>
      {isLive && said.value === undefined && committed.value + tentative.value === "" && (
        <p class="hint">{t("live_empty")}</p>
      )}
      <div lang="ru" {...(isLive ? { "aria-live": "polite", role: "log", "aria-label": t("live_words") } : {})}>
        {said.value?.paragraphs.map((paragraph) => (
          <p key={paragraph.id}>{textOf(paragraph)}</p>
        ))}
      </div>
      <p aria-hidden="true" class="partial" lang="ru">
        <span>{committed.value}</span>
        <span class="tentative">{tentative.value}</span>
      </p>
    </div>
  );
}

function NotSecure(): JSX.Element {
  const port = location.port === "" ? "" : `:${location.port}`;
  return (
    <section aria-label={t("live")}>
      <h1>{t("insecure_title")}</h1>
      <p>{t("insecure_text")}</p>
      <p>{t("insecure_cure")}</p>
      <Command text={"server:\n  lan: true\n  host: 0.0.0.0\n  allowBindAny: true"} />
      <p>{t("insecure_or")}</p>
      <Command text={`http://127.0.0.1${port}/#/live`} />
    </section>
  );
}
