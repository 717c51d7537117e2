import type { Rule } from "../../types.ts";
import { appServices, appUnits } from "../../model/facts.ts";
import { STOP_TIMEOUT } from "../../model/quadlet.ts";
import { parseUnitTimeMs } from "../../parse/systemd.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import { stopBudget } from "../../model/units.ts";
import { addUnit, replace } from "../kit/edits.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-LIF-004",
  severity: "error",
  confidence: "certain",
  title: "systemd kills the server or its proxy before the drain is over",
  why: "TimeoutStopSec bounds the whole stop. The stock units of Caddy and nginx allow 5 s: a proxy that is killed ends every session that runs through it, however long the server drains.",
  evidence: ["caddyserver/dist caddy.service and Debian's nginx.service: TimeoutStopSec=5."],
  reads: ["systemd", "config"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appUnits(facts));
    for (const unit of facts.units) {
      const isProxy = /^(?:caddy|nginx)(?:@.*)?\.service$/.test(unit.name);
      if (!ours.has(unit) && !isProxy) continue;
      const assume = ours.has(unit) ? facts.assumeFor(unit) : facts.assume;
      const drain = assume.number("shutdown.drain");
      const need = drain + 5000;
      const want = ceilSeconds(drain) + 10;
      const { ms, entry } = stopBudget(unit);
      // A drop-in alone: the distribution's unit below it has 5 s.
      const stock = isProxy && unit.base === undefined && entry === undefined;
      const budget = stock ? 5000 : ms;
      if (budget >= need) continue;
      yield {
        span: entry ?? unit.span,
        message: `${unit.name} ${stock ? "keeps the stock TimeoutStopSec of 5s" : `has TimeoutStopSec=${entry?.value ?? "90"}`}, but shutdown.drain ${seconds(drain)} + 5s margin need ${seconds(need)}`,
        fix: `Set \`TimeoutStopSec=${want}\`, for a packaged unit in a drop-in (\`systemctl edit ${unit.name}\`).`,
        edits: [entry ? replace(entry, `TimeoutStopSec=${want}`) : addUnit(unit.span, `TimeoutStopSec=${want}`)],
        related: assume.related("shutdown.drain"),
        ...(stock ? { confidence: "likely" as const } : {}),
      };
    }
    for (const service of appServices(facts)) {
      const node = yamlAt(service.node, STOP_TIMEOUT);
      const ms = node ? (parseUnitTimeMs(yamlText(node) ?? "") ?? Infinity) : Infinity;
      const assume = facts.assumeFor(service);
      const drain = assume.number("shutdown.drain");
      if (node === undefined || ms === 0 || ms >= drain + 5000) continue;
      yield {
        span: node,
        message: `the quadlet ${service.name} has TimeoutStopSec=${yamlText(node)}, but shutdown.drain ${seconds(drain)} + 5s margin need ${seconds(drain + 5000)}: systemd kills the container whatever StopTimeout says`,
        fix: `Set \`TimeoutStopSec=${ceilSeconds(drain) + 20}\` in [Service], above StopTimeout.`,
        related: assume.related("shutdown.drain"),
      };
    }
    for (const unit of facts.units) {
      if (!/^nginx(?:@.*)?\.service$/.test(unit.name)) continue;
      const stop = unit.all("Service", "ExecStop").at(-1);
      const reset = unit.files.some((file) =>
        file.entries.some((entry) => entry.section === "Service" && entry.key === "ExecStop" && entry.value === ""),
      );
      const signal = unit.get("Service", "KillSignal");
      const quit = signal !== undefined && /^(?:SIG)?QUIT$|^3$/.test(signal.value);
      const graceful = stop ? /quit|QUIT/.test(stop.value) && !/--retry\s+QUIT\/[0-9]\b/.test(stop.value) : quit;
      if (!stop && !reset && unit.base === undefined) {
        yield {
          span: signal ?? unit.span,
          message:
            "the drop-in keeps the packaged ExecStop, which ends nginx 5s after QUIT whatever TimeoutStopSec says",
          fix: "Add an empty `ExecStop=` and `KillSignal=SIGQUIT`.",
          edits: [addUnit(unit.span, "ExecStop=")],
          severity: "warning",
          confidence: "likely",
        };
      } else if (!graceful) {
        yield {
          span: stop ?? signal ?? unit.span,
          message: `nginx is stopped by ${stop ? stop.value.split(" ")[0] : (signal?.value ?? "SIGTERM (default)")}, which drops every connection at once`,
          fix: "Set `KillSignal=SIGQUIT`: nginx ends after the requests in flight.",
          edits: stop
            ? []
            : [signal ? replace(signal, "KillSignal=SIGQUIT") : addUnit(unit.span, "KillSignal=SIGQUIT")],
          severity: "warning",
        };
      }
    }
  },
};
