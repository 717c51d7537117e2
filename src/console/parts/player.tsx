import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { timeText } from "../i18n/time.ts";
import { t } from "../i18n/text.ts";
import { Waveform } from "./waveform.tsx";

export interface PlayerControl {
  playFrom(seconds: number): void;
  toggle(): void;
  step(seconds: number): void;
}

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;
const STEP_S = 5;

/** A stretch of the recording, seconds. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Playback of the recording. `control` is given once, `onTime` while it plays; `stretchAt` is what a loop at a time repeats. */
export function Player({
  audio,
  durationS,
  peaks,
  control,
  onTime,
  stretchAt,
}: {
  audio: Blob;
  durationS: number;
  peaks: readonly number[] | undefined;
  control: (player: PlayerControl) => void;
  onTime: (seconds: number) => void;
  stretchAt: (seconds: number) => Stretch | undefined;
}): JSX.Element {
  const media = useMemo(() => document.createElement("audio"), []);
  const isPlaying = useSignal(false);
  const timeS = useSignal(0);
  const cannotPlay = useSignal(false);
  const loop = useSignal<Stretch | undefined>(undefined);
  const totalS = Number.isFinite(media.duration) && media.duration > 0 ? media.duration : durationS;

  useEffect(() => {
    let frame = 0;
    const show = (): void => {
      timeS.value = media.currentTime;
      onTime(media.currentTime);
    };
    const repeat = (): void => {
      if (loop.value !== undefined && (media.currentTime >= loop.value.end || media.ended)) {
        media.currentTime = loop.value.start;
        if (media.ended) void media.play().catch(() => {});
      }
    };
    // Events of the element come four times a second: words are shorter.
    const follow = (): void => {
      repeat();
      show();
      if (!media.paused) frame = requestAnimationFrame(follow);
    };
    const on = (name: string, listener: () => void): void => media.addEventListener(name, listener);
    on("play", () => {
      isPlaying.value = true;
      follow();
    });
    on("pause", () => (isPlaying.value = false));
    on("ended", repeat);
    on("seeking", () => {
      const isInside = loop.value === undefined || inside(loop.value, media.currentTime);
      if (!isInside) loop.value = stretchAt(media.currentTime);
      show();
    });
    on(
      "error",
      () => (cannotPlay.value = media.error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED || cannotPlay.value),
    );
    const address = URL.createObjectURL(audio);
    media.src = address;
    const player: PlayerControl = {
      playFrom: (seconds) => {
        media.currentTime = seconds;
        void media.play().catch(() => {});
      },
      toggle: () => void (media.paused ? media.play().catch(() => {}) : media.pause()),
      step: (seconds) => (media.currentTime = Math.max(0, media.currentTime + seconds)),
    };
    control(player);
    return () => {
      cancelAnimationFrame(frame);
      media.pause();
      URL.revokeObjectURL(address);
    };
  }, [audio]);

  if (cannotPlay.value) return <p class="hint">{t("cannot_play")}</p>;
  return (
    <div class="player">
      {peaks && <Waveform media={media} peaks={peaks} durationS={totalS} />}
      <div class="player-row">
        <button type="button" title={t("back")} onClick={() => (media.currentTime -= STEP_S)}>
          {t("step_back")}
        </button>
        <button
          type="button"
          class="primary play"
          aria-label={t(isPlaying.value ? "pause" : "play")}
          onClick={() => void (media.paused ? media.play().catch(() => {}) : media.pause())}
        >
          {isPlaying.value ? "❚❚" : "▶"}
        </button>
        <button type="button" title={t("forward")} onClick={() => (media.currentTime += STEP_S)}>
          {t("step_forward")}
        </button>
        <input
          type="range"
          min={0}
          max={Math.max(0.1, totalS)}
          step={0.1}
          value={timeS.value}
          aria-label={t("position")}
          aria-valuetext={t("position_text", { at: timeText(timeS.value), total: timeText(totalS) })}
          onInput={({ currentTarget }) => (media.currentTime = Number(currentTarget.value))}
        />
        <span class="time" aria-hidden="true">
          {timeText(timeS.value)} / {timeText(totalS)}
        </span>
        <button
          type="button"
          aria-pressed={loop.value !== undefined}
          aria-label={t("loop")}
          title={t("loop")}
          onClick={() => (loop.value = loop.value === undefined ? stretchAt(media.currentTime) : undefined)}
        >
          ↻
        </button>
        <select
          aria-label={t("speed")}
          defaultValue="1"
          onChange={({ currentTarget }) => (media.playbackRate = Number(currentTarget.value))}
        >
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed} selected={speed === 1}>
              {speed}×
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

// ---

/** A seek to the very end comes from playing past it. */
function inside({ start, end }: Stretch, seconds: number): boolean {
  return seconds >= start - 0.05 && seconds <= end + 0.25;
}
