import type { Rule } from "../../types.ts";
import { appCaddyPoints } from "../../model/facts.ts";
import { caddyHead, goDurationMs } from "../../model/caddy.ts";
import { addCaddy, replace } from "../kit/edits.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-LIF-005",
  severity: "warning",
  confidence: "certain",
  title: "Caddy waits without limit, or too short, when it stops",
  why: "grace_period is unlimited by default: one stuck request keeps a stop or reload from finishing, until the service manager kills everything at once. Shorter than the server's drain it cuts requests the server would finish.",
  evidence: ["Tried on Caddy 2.6.2: SIGTERM waits for a 6 s request without a limit; `grace_period 2s` cuts it."],
  reads: ["caddyfile", "caddy-json", "config"],
  fixKind: "safe",
  *check(facts) {
    const drain = facts.assume.number("shutdown.drain");
    const want = `${ceilSeconds(drain) + 5}s`;
    const seen = new Set<unknown>();
    for (const point of appCaddyPoints(facts)) {
      if (seen.has(point.file)) continue;
      seen.add(point.file);
      const option = point.file.options.find((item) => item.name === "grace_period");
      const value = option?.args[0];
      const ms = value ? goDurationMs(value.value) : undefined;
      if (option && (ms === undefined || ms >= drain)) continue;
      const json = point.file.source.path.endsWith(".json");
      const block = point.file.optionsBlock;
      yield {
        span: option ? caddyHead(option) : (point.site.addresses[0] ?? caddyHead(point.proxy)),
        message: option
          ? `grace_period ${value?.value} is shorter than shutdown.drain ${seconds(drain)}`
          : "the global option grace_period is not set: Caddy waits without limit when it stops or reloads",
        fix: `Set the global option \`grace_period ${want}\` (drain + 5 s).`,
        edits: value
          ? [replace(value, json ? `"${want}"` : want)]
          : json
            ? []
            : [
                block
                  ? addCaddy(block, `grace_period ${want}`)
                  : { span: { source: point.file.source, start: 0, end: 0 }, text: `{\n\tgrace_period ${want}\n}\n` },
              ],
        related: facts.assume.related("shutdown.drain"),
        ...(option ? {} : { severity: "note" as const }),
      };
    }
  },
};
