import { appServices, appUnits } from "../../model/facts.ts";
import { yamlAt, yamlEntrySpan } from "../../parse/yaml.ts";
import type { Rule } from "../../types.ts";
import { removeLines } from "../kit/edits.ts";
import { dockerfileOf } from "../kit/compose.ts";

/** Signals on which the server drains. */
const DRAINS = /^(?:SIG)?(?:TERM|INT)$|^(?:15|2)$/i;

export const rule: Rule = {
  id: "GA-LIF-022",
  severity: "error",
  confidence: "certain",
  title: "The server is stopped by a signal on which it does not drain",
  why: "The server drains on SIGTERM and SIGINT. SIGKILL ends it at once whatever the stop timeout says, and SIGQUIT or SIGHUP do not start a drain: live sessions lose their final results at every stop, update and reboot.",
  evidence: [
    "systemd.kill(5), KillSignal=",
    "compose-spec 05-services.md, stop_signal",
    "The server: SIGTERM and SIGINT start the drain, SIGHUP reloads.",
  ],
  reads: ["systemd", "compose", "dockerfile"],
  fixKind: "safe",
  *check(facts) {
    for (const unit of appUnits(facts)) {
      const signal = unit.get("Service", "KillSignal");
      if (signal && !DRAINS.test(signal.value))
        yield {
          span: signal,
          message: `KillSignal=${signal.value} ends the server without a drain`,
          fix: "Delete it: systemd then sends SIGTERM.",
          edits: [removeLines(signal)],
        };
      for (const stop of unit.all("Service", "ExecStop")) {
        if (!/\bp?kill(?:all)?\b.*\s-(?:s\s*)?(?:SIG)?(?:9|KILL)\b/i.test(stop.value)) continue;
        yield {
          span: stop,
          message: `ExecStop=${stop.value} ends the server without a drain`,
          fix: "Delete it: systemd then sends SIGTERM.",
          edits: [removeLines(stop)],
        };
      }
    }
    const overruled = new Set<unknown>();
    for (const service of appServices(facts)) {
      const node = yamlAt(service.node, "stop_signal");
      const text = service.project.text(node);
      if (node && text !== undefined && !DRAINS.test(text)) {
        const span = yamlEntrySpan(service.node, "stop_signal") ?? node;
        yield {
          span,
          message: `stop_signal ${text} ends ${service.name} without a drain`,
          fix: "Delete it: Compose then sends SIGTERM.",
          edits: [removeLines(span)],
        };
      }
      const built = dockerfileOf(facts, service);
      if (node && built) overruled.add(built);
    }
    for (const file of facts.dockerfiles) {
      const stop = file.stages.at(-1)?.instructions.findLast((item) => item.name === "STOPSIGNAL");
      const runs = /gigastt|\bnode\b/i.test(file.source.text);
      if (!stop || !runs || overruled.has(file) || DRAINS.test(stop.value)) continue;
      yield {
        span: stop,
        message: `STOPSIGNAL ${stop.value} ends the server without a drain`,
        fix: "Delete it: containers are then stopped by SIGTERM.",
        edits: [removeLines(stop)],
        ...(/gigastt/i.test(file.source.text) ||
        facts.services.some((one) => dockerfileOf(facts, one) === file && facts.app.isService(one))
          ? {}
          : { severity: "warning" as const }),
      };
    }
  },
};
