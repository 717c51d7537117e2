import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n/text.ts";

/** Text to copy: a command, a snippet. */
export function Command({ text, label }: { text: string; label?: string }): JSX.Element {
  return (
    <div class="command">
      <pre tabIndex={0} aria-label={label}>
        <code>{text}</code>
      </pre>
      <CopyButton text={() => text} label={t("copy")} />
    </div>
  );
}

export function CopyButton({ text, label }: { text: () => string; label: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await copyText(text());
    isCopied.value = true;
    setTimeout(() => (isCopied.value = false), 2000);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      <span aria-live="polite">{isCopied.value ? t("copied") : label}</span>
    </button>
  );
}

/** The clipboard is missing on pages without TLS: there the browser's older command copies a selection. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
