import type { Hit, Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints, appUnits, appWorkloads } from "../../model/facts.ts";
import { arg, headSpan, inherited, nginxTimeMs } from "../../model/nginx.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";
import { parseUnitTimeMs } from "../../parse/systemd.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { addCaddy, addUnit, addYaml, replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";
import { isOneShot } from "../../model/app.ts";
import { projectsWithApp } from "../kit/compose.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-017",
  severity: "note",
  confidence: "certain",
  title: "A crash or hang is not restarted, or a restart becomes an outage",
  why: "After a crash at night the service is back in seconds if the process is restarted automatically; otherwise it stays down until a person restarts it. A process that hangs is noticed only by a watchdog or a liveness probe. While the server restarts, a proxy that tries again for some seconds turns an error for all clients into a short wait.",
  evidence: [
    "systemd.service(5): Restart defaults to no. Compose: restart defaults to no.",
    "Tried on Caddy 2.11: without lb_try_duration every request during a restart gets 502.",
  ],
  reads: ["systemd", "compose", "kubernetes", "caddyfile", "nginx"],
  fixKind: "safe",
  *check(facts) {
    for (const unit of appUnits(facts)) {
      if (!unit.base) continue;
      const restart = unit.get("Service", "Restart");
      if (!restart || restart.value === "no") {
        yield {
          span: restart ?? unit.span,
          message: `Restart is ${restart ? "no" : "not set (no)"}: after a crash ${unit.name} stays down`,
          fix: "Set `Restart=on-failure` and `RestartSec=2`.",
          edits: [restart ? replace(restart, "Restart=on-failure") : addUnit(unit.span, "Restart=on-failure")],
        };
      }
      const type = unit.get("Service", "Type");
      const watchdog = unit.get("Service", "WatchdogSec");
      const ms = watchdog ? parseUnitTimeMs(watchdog.value) : undefined;
      if (type?.value === "notify" && (ms === undefined || ms === 0)) {
        yield {
          span: watchdog ?? type,
          message: `WatchdogSec is ${watchdog ? watchdog.value : "not set"}: a supervisor that hangs is never restarted`,
          fix: "Set `WatchdogSec=60`.",
          edits: [watchdog ? replace(watchdog, "WatchdogSec=60") : addUnit(type, "WatchdogSec=60")],
        };
      } else if (watchdog && ms !== undefined && ms < 20_000) {
        yield {
          span: watchdog,
          message: `WatchdogSec=${watchdog.value} is shorter than a busy machine may pause a process: systemd kills a healthy server`,
          fix: "Set `WatchdogSec=60`.",
          edits: [replace(watchdog, "WatchdogSec=60")],
        };
      }
    }
    for (const project of projectsWithApp(facts)) {
      for (const service of project.services) {
        const restart = yamlAt(service.node, "restart");
        const policy = yamlText(restart) ?? yamlText(yamlAt(service.node, "deploy", "restart_policy", "condition"));
        if ((policy !== undefined && policy !== "no") || isOneShot(service)) continue;
        const add = restart ? undefined : addYaml(service.node, "restart: unless-stopped");
        yield {
          span: yamlEntrySpan(service.node, "restart") ?? service.nameSpan,
          message: `${service.name} has ${restart ? `restart: "no"` : "no restart policy"}: after a crash or a reboot it stays down`,
          fix: "Set `restart: unless-stopped`.",
          edits: restart ? [replace(restart, "unless-stopped")] : add ? [add] : [],
        };
      }
    }
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      if (!container || workload.object.kind.endsWith("Job") || yamlAt(container.node, "livenessProbe")) continue;
      yield {
        span: container.span,
        message: `container ${container.name} has no livenessProbe: a server that hangs is never restarted`,
        fix: "Add a patient one: httpGet /health, periodSeconds 20, timeoutSeconds 5, failureThreshold 6.",
      };
    }
    yield* proxies(facts);
  },
};

function* proxies(facts: Facts): Generator<Hit> {
  for (const point of appCaddyPoints(facts)) {
    if (point.file.source.path.endsWith(".json")) continue;
    const attempt = child(point.proxy, "lb_try_duration");
    const retries = child(point.proxy, "lb_retries");
    const value = attempt?.args[0];
    const ms = value ? goDurationMs(value.value) : 0;
    if ((ms ?? 0) < 1000 && !retries) {
      yield {
        span: caddyHead(attempt ?? point.proxy),
        message: `${attempt ? `lb_try_duration is ${value?.value ?? ""}` : "there is no lb_try_duration"}: while the server restarts every request gets 502`,
        fix: "Write `lb_try_duration 5s` in the reverse_proxy.",
        edits: [value ? replace(value, "5s") : addCaddy(point.proxy, "lb_try_duration 5s")],
      };
      continue;
    }
    const dial = child(point.proxy, "transport", "dial_timeout");
    const dialArg = dial?.args[0];
    const dialMs = dialArg ? goDurationMs(dialArg.value) : 3000;
    if (!attempt || !value || ms === undefined || ms === 0 || dialMs === undefined || dialMs < ms) continue;
    yield {
      span: caddyHead(dial ?? attempt),
      message: `dial_timeout ${dialArg?.value ?? "3s (default)"} uses up lb_try_duration ${value.value}: no time is left for a second try`,
      fix: "Write `dial_timeout 2s` in the transport.",
      edits: dialArg ? [replace(dialArg, "2s")] : [],
    };
  }
  const seen = new Set<unknown>();
  for (const point of appNginxPoints(facts)) {
    const directive = inherited(point.scope, "proxy_connect_timeout");
    const value = directive?.args[0];
    const ms = directive ? nginxTimeMs(arg(directive, 0)) : undefined;
    // 60 s is nginx's default: only a changed value is reported.
    if (!directive || !value || ms === undefined || ms <= 10_000 || seen.has(directive)) continue;
    seen.add(directive);
    yield {
      span: headSpan(directive),
      message: `proxy_connect_timeout ${arg(directive, 0)}: a client waits ${seconds(ms)} to learn that the server is down`,
      fix: "Write `proxy_connect_timeout 2s;`: server and proxy are neighbours.",
      edits: [replace(value, "2s")],
    };
  }
}
