import { catalogue, findInfo } from "../../checks/catalogue.ts";
import { docsOf } from "../../audit/families.ts";
import { didYouMean } from "../../shared/text/suggest.ts";
import type { CommandContext } from "../command.ts";
import { paintFor, table, wrap, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

/** `gigastt audit explain ID`. */
export async function explain(context: CommandContext): Promise<number> {
  const id = context.positionals[0] ?? "";
  const rule = findInfo(id);
  if (!rule) {
    const meant = didYouMean(
      id.toUpperCase(),
      catalogue.map((item) => item.id),
    );
    throw new UsageError(
      [`unknown rule "${id}"${meant === "" ? "; `gigastt audit list` prints them" : `, ${meant}`}`],
      ["audit", "explain"],
    );
  }
  const { stdout } = context;
  if (context.flags["json"] === true) {
    writeJson(stdout, {
      id: rule.id,
      title: rule.title,
      severity: rule.severity,
      confidence: rule.confidence,
      why: rule.why,
      evidence: rule.evidence,
      reads: rule.reads,
      fix: rule.fixKind,
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  stdout.write(
    `${paint.bold(rule.id)} ${rule.title}\n${paint.dim(`${rule.severity}, ${rule.confidence}; reads ${rule.reads.join(", ")}; fix: ${rule.fixKind}`)}\n\n${wrap(rule.why, 100).join("\n")}\n\nEvidence:\n${rule.evidence.map((line) => `- ${line}`).join("\n")}\n\nBefore and after: ${docsOf(rule.id)}\n`,
  );
  return 0;
}

/** `gigastt audit list`. */
export async function list(context: CommandContext): Promise<number> {
  if (context.flags["json"] === true) {
    writeJson(
      context.stdout,
      catalogue.map((rule) => ({
        id: rule.id,
        severity: rule.severity,
        confidence: rule.confidence,
        fix: rule.fixKind,
        title: rule.title,
        reads: rule.reads,
      })),
    );
    return 0;
  }
  context.stdout.write(`${table(catalogue.map((rule) => [rule.id, rule.severity, rule.fixKind, rule.title]))}\n`);
  return 0;
}
