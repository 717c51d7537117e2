import type { Rule } from "../../types.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { environment } from "../../model/environment.ts";

const SECRET_NAME =
  /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|AUTH_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)(?:_|$)/i;
/** Values that stand for a secret without being one. */
const PLACEHOLDER =
  /^(?:|\$.*|<.*>|\{.*\}|change-?me.*|replace-?me.*|your[-_ ].*|example.*|x{3,}|\*+|true|false|\d{1,2}|null|none|\/.*|.*_FILE)$/i;

export const rule: Rule = {
  id: "GA-EXP-013",
  severity: "warning",
  confidence: "likely",
  title: "A secret is in a file that is copied or published",
  why: "Everyone with a copy of the repository keeps what git tracks. The same holds for passwords written into compose files and manifests, which are copied, mailed and pasted.",
  evidence: ["checkov CKV_K8S_35", "kube-linter env-var-secret"],
  reads: ["dotenv", "htpasswd", "compose", "kubernetes", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    for (const { source, kind } of facts.files) {
      if (/\.(?:example|sample|template|dist)$/.test(source.path)) continue;
      const what = facts.git.tracked.has(source.path)
        ? "is tracked by git"
        : facts.git.exposed.has(source.path)
          ? "is not ignored by git: the next `git add` takes it"
          : undefined;
      if (
        what === undefined ||
        (kind === "dotenv" &&
          !source.text
            .split("\n")
            .some((line) => SECRET_NAME.test(line.split("=")[0] ?? "") || /\$2[aby]\$/.test(line)))
      )
        continue;
      yield {
        span: { source, start: 0, end: Math.min(source.text.length, (source.lineStarts[1] ?? 2) - 1) },
        message: `${source.path} ${what}`,
        fix: "Remove it from git (`git rm --cached`), add it to .gitignore, and change the secrets it held.",
      };
    }
    for (const service of facts.services) {
      for (const entry of environment(service)) {
        if (
          !SECRET_NAME.test(entry.name) ||
          entry.name.endsWith("_FILE") ||
          entry.raw === undefined ||
          PLACEHOLDER.test(entry.raw)
        )
          continue;
        yield {
          span: entry.span,
          message: `${entry.name} of ${service.name} is written into the compose file`,
          fix: "Take it from a file secret or from `.env` (`${NAME:?set it in .env}`).",
        };
      }
    }
    for (const workload of facts.workloads) {
      for (const container of workload.containers) {
        for (const item of yamlAt(container.node, "env")?.items ?? []) {
          const name = yamlText(yamlAt(item, "name")) ?? "";
          const value = yamlText(yamlAt(item, "value"));
          if (!SECRET_NAME.test(name) || name.endsWith("_FILE") || value === undefined || PLACEHOLDER.test(value))
            continue;
          yield {
            span: yamlEntrySpan(item, "value") ?? item,
            message: `${name} of ${container.name} is written into the manifest`,
            fix: "Use `valueFrom: {secretKeyRef: …}`.",
          };
        }
      }
    }
    for (const object of facts.kube) {
      if (object.kind !== "Secret") continue;
      for (const field of ["stringData", "data"]) {
        const data = yamlAt(object.node, field);
        for (const [key, entry] of data?.entries ?? []) {
          const value = yamlText(entry.value) ?? "";
          const plain = field === "data" ? Buffer.from(value, "base64").toString("latin1") : value;
          if (PLACEHOLDER.test(plain.trim())) continue;
          yield {
            span: entry.key,
            message: `Secret ${object.name} carries the value of ${key} in the manifest${field === "data" ? " (base64 is not encryption)" : ""}`,
            fix: "Create the Secret on the cluster (`kubectl create secret`), or encrypt the manifest (SOPS, sealed-secrets).",
          };
        }
      }
    }
  },
};
