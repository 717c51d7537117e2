import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";

/** The shape of the sound, as the server saw it. For eyes and pointers; the slider below says and does the same for everyone. */
export function Waveform({
  media,
  peaks,
  durationS,
}: {
  media: HTMLMediaElement;
  peaks: readonly number[];
  durationS: number;
}): JSX.Element {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = container.current;
    if (box === null) return;
    const colors = getComputedStyle(box);
    const wave = WaveSurfer.create({
      container: box,
      media,
      // Given both, it neither loads nor decodes the recording once more.
      peaks: [peaks.map((peak) => peak / 255)],
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
    return () => wave.destroy();
  }, [media, peaks]);
  return <div ref={container} class="waveform" aria-hidden="true" />;
}
