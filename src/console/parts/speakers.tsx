import type { JSX } from "preact";
import { channelCount } from "../data/document.ts";
import type { Transcript } from "../data/document.ts";
import { changeTranscript } from "../data/queue.ts";
import { t } from "../i18n/text.ts";

/** Returns what a channel is called. */
export function speakerOf({ speakers }: Pick<Transcript, "speakers">, channel: number): string {
  return speakers?.[channel]?.trim() || t("channel_n", { channel: channel + 1 });
}

/** Names of the channels, for the page and for what is downloaded. */
export function Speakers({ transcript }: { transcript: Transcript }): JSX.Element | null {
  const count = channelCount(transcript);
  if (count < 2) return null;
  const rename = (channel: number, name: string): void => {
    const speakers = Array.from({ length: count }, (_, at) =>
      at === channel ? name : (transcript.speakers?.[at] ?? ""),
    );
    changeTranscript(transcript.id, { speakers });
  };
  return (
    <fieldset class="row speakers">
      <legend>{t("speakers")}</legend>
      {Array.from({ length: count }, (_, channel) => (
        <label key={channel}>
          {t("channel_n", { channel: channel + 1 })}{" "}
          <input
            value={transcript.speakers?.[channel] ?? ""}
            maxLength={100}
            onInput={({ currentTarget }) => rename(channel, currentTarget.value)}
          />
        </label>
      ))}
    </fieldset>
  );
}
