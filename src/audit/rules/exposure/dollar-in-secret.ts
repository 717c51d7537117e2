import type { Rule } from "../../types.ts";
import { interpolate } from "../../parse/dotenv.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import { environment } from "../../model/environment.ts";
import { replace } from "../kit/edits.ts";

const HASH = /\$(?:2[aby]|argon2(?:id|i|d)|[156y]|apr1)\$/;
const SECRET_NAME = /PASS|SECRET|TOKEN|HASH|KEY|AUTH|CRED/i;

export const rule: Rule = {
  id: "GA-EXP-011",
  severity: "error",
  confidence: "certain",
  title: "A dollar sign in a secret is read as a variable",
  why: "Compose replaces `$name` in unquoted and double-quoted values of .env and in the YAML itself. A bcrypt hash `$2a$14$…` silently loses parts: the right password is refused, and nothing says why.",
  evidence: ["compose-spec 05-services.md, env_file format", "traefik/traefik#4831", "getindiekit/indiekit#942"],
  reads: ["dotenv", "compose"],
  fixKind: "safe",
  *check(facts) {
    for (const file of facts.dotenvs) {
      const names = new Set(file.entries.map((entry) => entry.name));
      for (const entry of file.entries) {
        if (entry.quote === "'" || !entry.raw.includes("$")) continue;
        const { unset } = interpolate(entry.raw, (name) => (names.has(name) ? "x" : undefined));
        if (!HASH.test(entry.raw) && !(unset.length > 0 && SECRET_NAME.test(entry.name))) continue;
        yield {
          span: { source: entry.source, start: entry.start, end: entry.end },
          message: `${entry.name} contains a dollar sign outside single quotes: Compose replaces what follows it`,
          fix: `Put the value into single quotes: ${entry.name}='…'.`,
          ...(entry.raw.includes("'") ? {} : { edits: [replace(entry.valueSpan, `'${entry.raw}'`)] }),
        };
      }
    }
    for (const service of facts.services) {
      for (const entry of environment(service)) {
        if (entry.raw === undefined || !HASH.test(entry.raw.replaceAll("$$", "\0"))) continue;
        yield {
          span: entry.span,
          message: `${entry.name} holds a hash whose dollar signs Compose replaces`,
          fix: "Double every dollar sign (`$$2a$$14$$…`), or keep the value in .env in single quotes.",
        };
      }
      for (const [name, label] of yamlAt(service.node, "labels")?.entries ?? []) {
        const text = yamlText(label.value) ?? "";
        if (HASH.test(text.replaceAll("$$", "\0")))
          yield {
            span: label.key,
            message: `label ${name} holds a hash whose dollar signs Compose replaces`,
            fix: "Double every dollar sign (`$$apr1$$…`).",
          };
      }
    }
  },
};
