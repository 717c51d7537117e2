import { notChecked, ok, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

/** Our own and certbot's renewal begin 30 days before the end: below 21 it has failed for a week. */
const WARNING_DAYS = 21;
const ERROR_DAYS = 7;

export const check: HostCheck = {
  id: "GA-HST-008",
  severity: "warning",
  confidence: "certain",
  title: "A certificate is about to end, and nobody renewed it",
  why: "Renewal runs unseen for years and fails unseen: a moved timer, a closed port 80, a reload that does not happen. On the last day every client is refused at once.",
  evidence: ["Read: the certificates this deployment depends on and that no proxy renews by itself."],
  reads: ["certificates"],
  fixKind: "manual",
  sameAs: ["GA-TLS-004"],
  judge: ({ certificates }) => {
    if ("unknown" in certificates) return notChecked(certificates.unknown);
    const problems: Problem[] = [];
    const unread: string[] = [];
    for (const { file, daysLeft, trouble, cure } of certificates.value) {
      if (daysLeft === undefined) {
        unread.push(`${file} (${trouble ?? "unknown"})`);
        continue;
      }
      if (daysLeft >= WARNING_DAYS) continue;
      problems.push({
        place: file,
        evidence: `${file}: ${daysLeft} days left`,
        ...(daysLeft < ERROR_DAYS ? { severity: "error" as const } : {}),
        message: daysLeft < 0 ? `${file} expired ${days(-daysLeft)} ago` : `${file} ends in ${days(daysLeft)}`,
        fix: `${cure[0]?.toUpperCase() ?? ""}${cure.slice(1)}. Then find out why it did not happen: systemctl list-timers, journalctl.`,
      });
    }
    if (problems.length > 0) return verdictOf(problems, "");
    if (unread.length > 0) return notChecked(`cannot be read: ${unread.join(", ")}`);
    if (certificates.value.length === 0) return ok("none to renew here: the proxy renews its own, or there is no TLS");
    return ok(`${Math.min(...certificates.value.map(({ daysLeft }) => daysLeft ?? 0))} days left at least`);
  },
};

// ---

function days(count: number): string {
  return `${count} ${count === 1 ? "day" : "days"}`;
}
