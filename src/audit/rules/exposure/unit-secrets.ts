import type { Rule } from "../../types.ts";
import { replace } from "../kit/edits.ts";

const SECRET_NAME = /(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|HASH|CREDENTIAL)/i;

export const rule: Rule = {
  id: "GA-EXP-014",
  severity: "warning",
  confidence: "certain",
  title: "A unit shows secrets in the journal or to every user",
  why: "`caddy run --environ`, the stock unit's line, prints the whole environment into the journal at every start, password hashes included. Environment= of a unit is readable by every user through `systemctl show`.",
  evidence: ["caddyserver/dist init/caddy.service", "systemd.exec(5), Environment="],
  reads: ["systemd", "caddyfile"],
  fixKind: "safe",
  *check(facts) {
    const fromEnv = facts.caddy.find((file) =>
      /\{env\.\w*(?:HASH|PASS|SECRET|TOKEN|KEY)\w*\}|\{\$\w*(?:HASH|PASS|SECRET|TOKEN|KEY)\w*/i.test(file.source.text),
    );
    for (const unit of facts.units) {
      const start = unit.get("Service", "ExecStart");
      const secrets = unit
        .all("Service", "Environment")
        .filter((entry) =>
          entry.value
            .split(/\s+/)
            .some((word) => SECRET_NAME.test(word.split("=")[0] ?? "") && /=./.test(word) && !/_FILE=/.test(word)),
        );
      const file = unit.get("Service", "EnvironmentFile");
      if (start && /\bcaddy\b.*--environ\b/.test(start.value) && (secrets.length > 0 || file || fromEnv)) {
        yield {
          span: start,
          message: "`caddy run --environ` prints the environment, with its secrets, into the journal",
          fix: "Drop `--environ` (for the packaged unit in a drop-in that resets ExecStart).",
          edits: [replace(start, start.source.text.slice(start.start, start.end).replace(/\s*--environ\b/, ""))],
        };
      }
      for (const entry of secrets) {
        yield {
          span: entry,
          message: `Environment= carries a secret: every user sees it with \`systemctl show ${unit.name}\``,
          fix: "Use `LoadCredential=`, or `EnvironmentFile=` of mode 0600.",
        };
      }
    }
  },
};
