import type { Rule } from "../types.ts";
import { appServices } from "../model/facts.ts";
import { composeDurationMs } from "../model/compose.ts";
import { yamlAt, yamlEntrySpan } from "../parse/yaml.ts";
import { addYaml, ceilSeconds, replace, seconds } from "./kit.ts";

export const rule: Rule = {
  id: "GA-LIF-003",
  severity: "error",
  confidence: "certain",
  title: "Compose kills the container before the drain is over",
  why: "`docker compose stop` waits stop_grace_period, 10 s by default, then kills. The default equals the server's drain and leaves nothing for closing up: the last results of live sessions are lost.",
  evidence: ["compose-spec 05-services.md: stop_grace_period defaults to 10 seconds."],
  reads: ["compose", "config"],
  fixKind: "safe",
  *check(facts) {
    const drain = facts.assume.number("shutdown.drain");
    const need = drain + 5000;
    const want = Math.ceil(ceilSeconds(need) / 5) * 5 + 5;
    for (const service of appServices(facts)) {
      const node = yamlAt(service.node, "stop_grace_period");
      const ms = node ? composeDurationMs(service.project.text(node)) : 10_000;
      if (ms === undefined || ms >= need) continue;
      const add = node ? undefined : addYaml(service.node, `stop_grace_period: ${want}s`);
      yield {
        span: yamlEntrySpan(service.node, "stop_grace_period") ?? service.nameSpan,
        message: `stop_grace_period of ${service.name} is ${node ? "" : "not set: "}${seconds(ms)}, but shutdown.drain ${seconds(drain)} + 5s margin need ${seconds(need)}`,
        fix: `Set \`stop_grace_period: ${want}s\`.`,
        edits: node ? [replace(node, `${want}s`)] : add ? [add] : [],
        related: facts.assume.related("shutdown.drain"),
      };
    }
  },
};
