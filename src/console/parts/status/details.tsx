import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import type { AuditFinding, ConsoleConfig, LastAudit } from "../../../shared/console-status.ts";
import type { SupervisorReport } from "../../../shared/process/messages.ts";
import { t } from "../../i18n/text.ts";
import { timeOf } from "../../i18n/time.ts";
import { supervisorPart } from "../../wire/address.ts";
import { useAsked } from "../../wire/operator.ts";
import { Command } from "../command.tsx";

/** Opened by hand, and asked for only then. */
export function Fold({ title, children }: { title: string; children: () => ComponentChildren }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <details class="fold" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen.value && children()}
    </details>
  );
}

export function Certificates({
  report,
}: {
  report: Pick<SupervisorReport, "certificates" | "disks">;
}): JSX.Element | null {
  const { certificates, disks } = report;
  const gb = (bytes: number): string => (bytes / 1e9).toFixed(1);
  const rows = [
    ...certificates.map(
      ({ file, daysLeft }) => [file, daysLeft === null ? "–" : t("days_left", { n: daysLeft })] as const,
    ),
    ...disks.map(
      ({ what, freeBytes }) =>
        [t(what === "state" ? "disk_state" : "disk_models"), t("free_gb", { gb: gb(freeBytes) })] as const,
    ),
  ];
  if (rows.length === 0) return null;
  return <Table caption={t("certificates")} head={[t("what"), t("left_over")]} rows={rows} />;
}

/** What the last `gigastt audit` found, file by file. */
export function Audit(): JSX.Element {
  const audit = useAsked<LastAudit | null>(supervisorPart("audit")).value;
  if (audit === undefined || audit === "refused") return <p>…</p>;
  if (audit === null)
    return (
      <>
        <p>{t("audit_none")}</p>
        <Command text="gigastt audit" />
      </>
    );
  const { findings = [], errors, warnings, notices } = audit;
  const files = [...new Set(findings.map(({ file }) => file))];
  return (
    <>
      <p>{t("audit_counts", { at: timeOf(audit.at), errors, warnings, notices })}</p>
      {files.map((file) => (
        <section key={file} aria-label={file}>
          <h3>{file}</h3>
          <ul class="findings">
            {findings
              .filter((finding) => finding.file === file)
              .map((finding, index) => (
                <FindingItem key={index} finding={finding} />
              ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function FindingItem({ finding: { rule, severity, line, message, fix } }: { finding: AuditFinding }): JSX.Element {
  return (
    <li>
      <strong class={severity === "error" ? "bad-text" : ""}>{severity}</strong> {rule}, {t("line_n", { line })}:{" "}
      {message}
      <p class="hint">{fix}</p>
    </li>
  );
}

/** Every setting with its origin; those that were set come first. */
export function Configuration(): JSX.Element {
  const all = useSignal(false);
  const config = useAsked<ConsoleConfig>(supervisorPart("config")).value;
  if (typeof config !== "object") return <p>…</p>;
  const { path, hash, loadedAt, values } = config;
  const shown = values.filter(({ from }) => all.value || from !== "default");
  return (
    <>
      <p>{t("config_about", { path: path ?? t("config_no_file"), hash: hash.slice(0, 12), at: timeOf(loadedAt) })}</p>
      <p>
        <label>
          <input
            type="checkbox"
            checked={all.value}
            onChange={({ currentTarget }) => (all.value = currentTarget.checked)}
          />{" "}
          {t("config_all")}
        </label>
      </p>
      <Table
        caption={t("config")}
        head={[t("key"), t("value"), t("origin")]}
        rows={shown.map(({ key, value, from, isHidden }) => [
          key,
          isHidden ? t("secret") : JSON.stringify(value),
          from === "default" ? t("origin_default") : from,
        ])}
      />
    </>
  );
}

function Table({
  caption,
  head,
  rows,
}: {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}): JSX.Element {
  return (
    <div class="scrolled" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <thead>
          <tr>
            {head.map((text) => (
              <th key={text} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {cells.map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
