import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { MAX_FILES, addFiles, channelsApart, items, openItem, setChannelsApart } from "../data/queue.ts";
import { t } from "../i18n/text.ts";
import { Editor } from "../parts/editor.tsx";
import { FileList } from "../parts/file-list.tsx";

/** Files in, transcripts out. */
export function TranscribePage(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const leftOut = useSignal(0);
  const take = (list: FileList | null | undefined): void => {
    leftOut.value = addFiles([...(list ?? [])]);
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    isOver.value = false;
    take(event.dataTransfer?.files);
  };
  const item = openItem.value;
  return (
    <div
      class="transcribe"
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={drop}
    >
      <section class="side" aria-label={t("files")}>
        <div class={`drop${isOver.value ? " over" : ""}`}>
          <p class="drop-title">{t("drop")}</p>
          <p class="hint">{t("drop_more", { n: MAX_FILES })}</p>
          <button type="button" class="primary" onClick={() => input.current?.click()}>
            {t("choose")}
          </button>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            accept="audio/*,video/*,.ogg,.opus,.flac,.m4a,.wav,.mp3,.webm,.mka,.mkv"
            onChange={({ currentTarget }) => {
              take(currentTarget.files);
              currentTarget.value = "";
            }}
          />
          <p class="option">
            <label>
              <input
                type="checkbox"
                checked={channelsApart.value}
                onChange={({ currentTarget }) => setChannelsApart(currentTarget.checked)}
              />{" "}
              {t("channels_apart")}
            </label>
          </p>
        </div>
        <p role="status">{leftOut.value > 0 && t("too_many", { n: leftOut.value, max: MAX_FILES })}</p>
        {items.value.length === 0 ? <p class="hint">{t("nothing_yet")}</p> : <FileList />}
      </section>
      {item === undefined ? (
        items.value.length > 0 && <p class="hint">{t("choose_one")}</p>
      ) : (
        <Editor key={item.id} item={item} />
      )}
    </div>
  );
}
