import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";

/** A longer recording decoded in the tab would take too much memory: 1 h of mono at 8 kHz is 115 MB. */
const MAX_DECODED_S = 3600;

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
    if (container.current === null || !isDrawn) return;
    const colors = getComputedStyle(container.current);
    const wave = WaveSurfer.create({
      container: container.current,
      media,
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
    // What cannot be decoded here has no shape; it may still play.
    wave.on("error", () => {});
    void wave.loadBlob(audio).catch(() => {});
    return () => wave.destroy();
  }, [media, audio, isDrawn]);
  return isDrawn ? <div ref={container} class="waveform" aria-hidden="true" /> : null;
}
