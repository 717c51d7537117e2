import type { JSX } from "preact";
import { exportTranscript } from "../../shared/transcript/export.ts";
import { TRANSCRIPT_FORMATS, TRANSCRIPT_MEDIA_TYPES } from "../../shared/protocol.ts";
import type { TranscriptFormat } from "../../shared/protocol.ts";
import { forExport } from "../data/document.ts";
import type { Transcript } from "../data/document.ts";
import { t } from "../i18n/text.ts";
import { CopyButton } from "./command.tsx";

/** Copy and download, made by the same code as the server's own files. */
export function Exports({ transcript }: { transcript: Transcript }): JSX.Element {
  return (
    <div class="exports" role="group" aria-label={t("download")}>
      <CopyButton text={() => exportTranscript(forExport(transcript), "txt")} label={t("copy_text")} />
      <span aria-hidden="true">{t("download")}</span>
      {TRANSCRIPT_FORMATS.map((format) => (
        <button
          key={format}
          type="button"
          aria-label={`${t("download")} ${format}`}
          onClick={() => download(transcript, format)}
        >
          {format}
        </button>
      ))}
    </div>
  );
}

function download(transcript: Transcript, format: TranscriptFormat): void {
  const text = exportTranscript(forExport(transcript), format, {
    segments: true,
    speakers: transcript.speakers ?? [],
  });
  const address = URL.createObjectURL(new Blob([text], { type: TRANSCRIPT_MEDIA_TYPES[format] }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${transcript.name.replace(/\.[^.]{1,5}$/, "")}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
