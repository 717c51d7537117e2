import type { JSX } from "preact";
import { t } from "../i18n/text.ts";
import { Command } from "../parts/command.tsx";

/** Numbers of the server, for the person who runs it. */
export function StatusPage(): JSX.Element {
  return (
    <section aria-label={t("status")}>
      <h1>{t("status")}</h1>
      <p>{t("status_local")}</p>
      <p>{t("status_open")}</p>
      <Command text="gigastt status" />
    </section>
  );
}
