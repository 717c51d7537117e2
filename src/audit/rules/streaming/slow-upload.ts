import type { Rule } from "../../types.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";
import { gatewayDurationMs } from "../../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { removeLines, replace } from "../kit/edits.ts";
import { frontHits } from "../kit/fronts.ts";
import { caddyCarrying } from "../kit/points.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";
import { appRouteRules, ruleTakes } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-STR-013",
  severity: "warning",
  confidence: "certain",
  title: "An upload at the slowest allowed rate cannot finish in time",
  why: "A body of limits.body at limits.minUploadKbps takes long (50 MiB at 128 kbit/s: 55 minutes). A total time limit below that cuts off the users on slow lines that the config promises to serve.",
  evidence: [
    "Tried on Traefik 3.6: readTimeout breaks an upload in the middle.",
    "Tried on Caddy 2.6 and 2.11: read_body breaks it too, and the client may see an empty 200.",
    "Node's own requestTimeout of 300 s has the same effect on larger bodies.",
  ],
  reads: ["caddyfile", "caddy-json", "kubernetes", "traefik", "compose", "config"],
  fixKind: "safe",
  *check(facts) {
    const { assume } = facts;
    const upload =
      Math.ceil((assume.number("limits.body") * 8) / (assume.number("limits.minUploadKbps") * 1000)) * 1000;
    const related = [...assume.related("limits.body"), ...assume.related("limits.minUploadKbps")];
    yield* frontHits(facts, "upload", ({ ms }) =>
      ms >= upload ? undefined : `a full body at the slowest allowed rate takes ${seconds(upload)}`,
    );
    const seen = new Set<unknown>();
    for (const point of caddyCarrying(facts, "rest", "sse")) {
      for (const servers of point.file.options.filter((option) => option.name === "servers")) {
        const read = child(servers, "timeouts", "read_body");
        const ms = goDurationMs(read?.args[0]?.value ?? "");
        if (!read || ms === undefined || ms === 0 || ms >= upload || seen.has(read)) continue;
        seen.add(read);
        yield {
          span: caddyHead(read),
          message: `timeouts read_body ${read.args[0]?.value} is shorter than the ${seconds(upload)} of a full body at the slowest allowed rate`,
          fix: "Delete it (the server enforces its own upload rate), or raise it above that time.",
          ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(caddyHead(read))] }),
          related,
        };
      }
    }
    const rules = appRouteRules(facts);
    const whole = upload + assume.number("pool.checkoutTimeout") + assume.number("limits.requestBudget");
    for (const item of rules) {
      if (!ruleTakes(item, "/v1/transcribe", rules) || ruleTakes(item, "/v1/ws", rules)) continue; // streams are GA-STR-007's
      const timeouts = yamlAt(item.rule, "timeouts");
      const request = yamlAt(timeouts, "request");
      const ms = gatewayDurationMs(yamlText(request));
      const floor = assume.number("pool.checkoutTimeout") + assume.number("limits.requestBudget");
      if (!request || ms === undefined || ms === 0 || ms >= floor) continue;
      yield {
        span: yamlEntrySpan(timeouts, "request") ?? request,
        message: `timeouts.request ${yamlText(request)} is shorter than the ${seconds(whole)} that upload, queue and transcription may take`,
        fix: `Write \`request: ${ceilSeconds(whole) + 30}s\` or \`0s\`.`,
        edits: [replace(request, `${ceilSeconds(whole) + 30}s`)],
        related: [...related, ...assume.related("limits.requestBudget")],
      };
    }
  },
};
