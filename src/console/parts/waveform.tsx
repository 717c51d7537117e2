import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import { MAX_DECODED_S, peaksOf } from "../audio/peaks.ts";

/** The shape of the sound. For eyes and pointers; the slider below says and does the same for everyone. */
export function Waveform({
  media,
  audio,
  durationS,
}: {
  media: HTMLMediaElement;
  audio: Blob;
  durationS: number;
}): JSX.Element | null {
  const container = useRef<HTMLDivElement>(null);
  const isDrawn = durationS <= MAX_DECODED_S;
  useEffect(() => {
    let wave: WaveSurfer | undefined;
    let isGone = false;
    const draw = async (): Promise<void> => {
      const peaks = isDrawn ? await peaksOf(audio) : undefined;
      const box = container.current;
      if (peaks === undefined || box === null || isGone) return;
      const colors = getComputedStyle(box);
      wave = WaveSurfer.create({
        container: box,
        media,
        // Given both, it neither loads nor decodes the recording once more.
        peaks: [peaks],
        duration: durationS,
        height: 64,
        waveColor: colors.getPropertyValue("--wave").trim(),
        progressColor: colors.getPropertyValue("--accent").trim(),
        cursorColor: colors.getPropertyValue("--accent").trim(),
        barWidth: 2,
        barGap: 1,
        barRadius: 2,
        normalize: true,
        dragToSeek: true,
        cspNonce: document.body.dataset["nonce"] ?? "",
      });
      wave.on("error", () => {});
    };
    void draw();
    return () => {
      isGone = true;
      wave?.destroy();
    };
  }, [media, audio, isDrawn]);
  return isDrawn ? <div ref={container} class="waveform" aria-hidden="true" /> : null;
}
