import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n/text.ts";
import { modelState, pullModel } from "../wire/model.ts";
import { Command } from "./command.tsx";

/** What the demo model means, and the way to the real one. */
export function DemoNotice(): JSX.Element {
  const failure = useSignal("");
  const isAsking = useSignal(false);
  const { offer, can_pull: canPull = false, pull } = modelState.value ?? {};
  const isWorking = pull?.state === "running" || pull?.state === "switching";
  const start = async (): Promise<void> => {
    isAsking.value = true;
    failure.value = "";
    try {
      await pullModel();
    } catch (error) {
      failure.value = error instanceof Error && error.message !== "" ? error.message : t("server_away");
    } finally {
      isAsking.value = false;
    }
  };
  const size = offer && { name: offer.name, mb: Math.round(offer.bytes / 1e6), license: offer.license };
  return (
    <details class="notice" open={isWorking || pull?.state === "failed" || undefined}>
      <summary>{t("demo_title")}</summary>
      <p>{t("demo_text")}</p>
      {size && <p>{t("model_offer", size)}</p>}
      {canPull && !isWorking && (
        <button type="button" class="primary" disabled={isAsking.value} onClick={() => void start()}>
          {t(pull?.state === "failed" ? "model_resume" : "model_pull")}
        </button>
      )}
      {isWorking && (
        <p>
          <label>
            {t(pull.state === "switching" ? "model_switching" : "model_pulling", {
              done: Math.round(pull.bytesDone / 1e6),
              total: Math.round(pull.bytesTotal / 1e6),
            })}{" "}
            <progress max={pull.bytesTotal || undefined} value={pull.bytesTotal === 0 ? undefined : pull.bytesDone} />
          </label>
        </p>
      )}
      <div role="alert">
        {pull?.state === "failed" && <p>{t("model_failed", { reason: pull.reason ?? "" })}</p>}
        {failure.value !== "" && <p>{failure.value}</p>}
      </div>
      {!canPull && !isWorking && (
        <>
          <p>{t("model_by_hand")}</p>
          <Command text="gigastt models pull" />
          <p>{t("demo_then")}</p>
          <Command text="gigastt upgrade" />
        </>
      )}
    </details>
  );
}
