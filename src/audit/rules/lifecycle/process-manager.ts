import type { Rule } from "../../types.ts";
import { appServices, appUnits } from "../../model/facts.ts";
import { addUnit, replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";
import { environment } from "../../model/environment.ts";
import { pm2App } from "../../model/pm2.ts";

export const rule: Rule = {
  id: "GA-LIF-011",
  severity: "warning",
  confidence: "certain",
  title: "The process manager signals or kills the server's children too early",
  why: "With KillMode=control-group systemd signals supervisor and server at the same time, so the supervisor takes the server's exit for a crash; `mixed` signals only the supervisor. PM2 kills after 1.6 s and s6 after 3 s by default: less than any drain.",
  evidence: ["pm2 constants.js: KILL_TIMEOUT 1600", "s6-overlay README: S6_KILL_GRACETIME 3000"],
  reads: ["systemd", "process-manager", "dockerfile", "compose", "config"],
  fixKind: "safe",
  *check(facts) {
    const drain = facts.assume.number("shutdown.drain");
    const related = facts.assume.related("shutdown.drain");
    for (const unit of appUnits(facts)) {
      const supervised = unit.all("Service", "ExecStart").find((entry) => /\bup\b/.test(entry.value));
      const mode = unit.get("Service", "KillMode");
      if (!supervised || mode?.value === "mixed") continue;
      yield {
        span: mode ?? supervised,
        message: `KillMode=${mode?.value ?? "control-group (default)"}: systemd signals the server directly, not only the supervisor`,
        fix: "Set `KillMode=mixed`.",
        edits: [mode ? replace(mode, "KillMode=mixed") : addUnit(supervised, "KillMode=mixed")],
      };
    }
    for (const source of facts.processManagers) {
      const app = pm2App(source);
      if (app === undefined) continue;
      const own = app.setting("kill_timeout");
      // A value that is computed from other variables is not followed.
      if (own !== undefined && own.number === undefined) continue;
      const variable = app.setting("GIGASTT_SHUTDOWN_DRAIN_SECS")?.number;
      const drainMs = variable === undefined ? drain : variable * 1000;
      const ms = own?.number ?? 1600;
      if (ms >= drainMs + 5000) continue;
      yield {
        span: own?.span ?? app.span,
        message: `PM2 kills after ${own ? "" : "its default of "}${ms} ms, but shutdown.drain is ${seconds(drainMs)}`,
        fix: `Set \`kill_timeout: ${drainMs + 5000}\`.`,
        edits: own ? [replace(own.value, String(drainMs + 5000))] : [],
        related: variable === undefined ? related : [],
      };
    }
    for (const file of facts.dockerfiles) {
      for (const instruction of file.instructions) {
        const match =
          instruction.name === "ENV" ? /\bS6_(?:KILL|SERVICES)_GRACETIME[= ]"?(\d+)/.exec(instruction.value) : null;
        if (!match || Number(match[1]) === 0 || Number(match[1]) >= drain) continue;
        yield {
          span: instruction,
          message: `${match[0]} ms is shorter than shutdown.drain ${seconds(drain)}`,
          fix: `Set it to ${drain + 5000}.`,
          related,
        };
      }
    }
    for (const service of appServices(facts)) {
      for (const entry of environment(service)) {
        if (
          !/^S6_(?:KILL|SERVICES)_GRACETIME$/.test(entry.name) ||
          Number(entry.value) >= drain ||
          Number(entry.value) === 0
        )
          continue;
        yield {
          span: entry.span,
          message: `${entry.name}=${entry.value} ms is shorter than shutdown.drain ${seconds(drain)}`,
          fix: `Set it to ${drain + 5000}.`,
          related,
        };
      }
    }
  },
};
