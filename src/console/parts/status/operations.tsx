import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CONSOLE_OPERATIONS, ROUTES } from "../../../shared/protocol.ts";
import type { ConsoleOperation } from "../../../shared/protocol.ts";
import type { SupervisorReport } from "../../../shared/process/messages.ts";
import { t } from "../../i18n/text.ts";
import { postToServer } from "../../wire/operator.ts";
import { timeOf } from "../../i18n/time.ts";

type Report = Pick<SupervisorReport, "operation" | "lastOperation">;

/** Reload, restart and rollback, each after a second look. */
export function Operations({ report }: { report: Report }): JSX.Element {
  const asked = useSignal<ConsoleOperation | undefined>(undefined);
  const failure = useSignal("");
  const buttons = useRef<HTMLDivElement>(null);
  const isBusy = report.operation !== null;
  const begin = async (operation: ConsoleOperation): Promise<void> => {
    close();
    failure.value = "";
    try {
      await postToServer(ROUTES.consoleOperation.path.replace("{operation}", operation));
    } catch (error) {
      failure.value = error instanceof Error && error.message !== "" ? error.message : t("server_away");
    }
  };
  const close = (): void => {
    buttons.current?.querySelector<HTMLElement>(`[data-operation="${asked.value}"]`)?.focus();
    asked.value = undefined;
  };
  return (
    <section
      aria-labelledby="operations-title"
      onKeyDown={({ key }) => {
        if (key === "Escape" && asked.value !== undefined) close();
      }}
    >
      <h2 id="operations-title">{t("operations")}</h2>
      <div class="row" ref={buttons}>
        {CONSOLE_OPERATIONS.map((operation) => (
          <button
            key={operation}
            type="button"
            data-operation={operation}
            aria-expanded={asked.value === operation}
            disabled={isBusy}
            onClick={() => (asked.value = operation)}
          >
            {t(`operation_${operation}`)}
          </button>
        ))}
      </div>
      {asked.value !== undefined && <Confirm operation={asked.value} onYes={begin} onNo={close} />}
      <div role="status">
        {report.operation !== null && <p>{t("operation_running", { name: nameOf(report.operation.name) })}</p>}
        {report.operation === null && report.lastOperation !== null && <Outcome {...report.lastOperation} />}
      </div>
      <div role="alert">{failure.value !== "" && <p class="notice bad">{failure.value}</p>}</div>
    </section>
  );
}

function Confirm({
  operation,
  onYes,
  onNo,
}: {
  operation: ConsoleOperation;
  onYes: (operation: ConsoleOperation) => Promise<void>;
  onNo: () => void;
}): JSX.Element {
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), [operation]);
  return (
    <div class="notice" role="group" aria-label={t(`operation_${operation}`)}>
      <p>{t(`confirm_${operation}`)}</p>
      <div class="row">
        <button type="button" class="danger" onClick={() => void onYes(operation)}>
          {t(`operation_${operation}`)}
        </button>
        <button type="button" ref={no} onClick={onNo}>
          {t("cancel")}
        </button>
      </div>
    </div>
  );
}

/** Operations of the command line have no button, and no other name. */
function nameOf(name: string): string {
  const known = CONSOLE_OPERATIONS.find((operation) => operation === name);
  return known === undefined ? name : t(`operation_${known}`);
}

function Outcome({ name, at, tookMs, failure }: NonNullable<SupervisorReport["lastOperation"]>): JSX.Element {
  const about = { name: nameOf(name), at: timeOf(at), s: (tookMs / 1000).toFixed(1) };
  return failure === null ? (
    <p>{t("operation_done", about)}</p>
  ) : (
    <>
      <p>{t("operation_failed", about)}</p>
      <pre class="notice bad" tabIndex={0}>
        {failure}
      </pre>
    </>
  );
}
