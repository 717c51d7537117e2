import type { Source } from "../../source.ts";
import type { Hit, Rule } from "../../types.ts";
import { appServices } from "../../model/facts.ts";
import { composeDurationMs } from "../../model/compose.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { projectsWithApp, proxyKind } from "../kit/compose.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";

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
    for (const service of appServices(facts)) {
      const assume = facts.assumeFor(service);
      const drain = assume.number("shutdown.drain");
      const need = drain + 5000;
      const want = Math.ceil(ceilSeconds(need) / 5) * 5 + 5;
      const node = yamlAt(service.node, "stop_grace_period");
      const ms = node ? composeDurationMs(service.project.text(node)) : 10_000;
      if (ms === undefined || ms >= need) continue;
      const add = node ? undefined : addYaml(service.node, `stop_grace_period: ${want}s`);
      yield {
        span: yamlEntrySpan(service.node, "stop_grace_period") ?? service.nameSpan,
        message: `stop_grace_period of ${service.name} is ${node ? "" : "not set: "}${seconds(ms)}, but shutdown.drain ${seconds(drain)} + 5s margin need ${seconds(need)}`,
        fix: `Set \`stop_grace_period: ${want}s\`.`,
        edits: node ? [replace(node, `${want}s`)] : add ? [add] : [],
        related: assume.related("shutdown.drain"),
      };
    }
    const drain = facts.assume.number("shutdown.drain");
    const need = drain + 5000;
    if (appServices(facts).length > 0)
      for (const source of [...facts.scripts, ...facts.units.flatMap(({ files }) => files.map((file) => file.source))])
        yield* impatientStops(source, need);
    for (const project of projectsWithApp(facts)) {
      for (const service of project.services) {
        const kind = proxyKind(service);
        if (kind === undefined || facts.app.isService(service)) continue;
        const node = yamlAt(service.node, "stop_grace_period");
        const ms = node ? composeDurationMs(service.project.text(node)) : 10_000;
        if (ms !== undefined && ms < need) {
          const add = node ? undefined : addYaml(service.node, `stop_grace_period: ${ceilSeconds(drain) + 20}s`);
          yield {
            span: yamlEntrySpan(service.node, "stop_grace_period") ?? service.nameSpan,
            message: `stop_grace_period of the proxy ${service.name} is ${node ? "" : "not set: "}${seconds(ms)}: it is killed with the sessions that the server still drains for ${seconds(drain)}`,
            fix: `Set \`stop_grace_period: ${ceilSeconds(drain) + 20}s\`.`,
            edits: node ? [replace(node, `${ceilSeconds(drain) + 20}s`)] : add ? [add] : [],
            related: facts.assume.related("shutdown.drain"),
            severity: "warning" as const,
          };
        }
        const signal = yamlAt(service.node, "stop_signal");
        // The official image sets STOPSIGNAL SIGQUIT itself.
        if (kind !== "nginx" || !signal || /^(?:SIG)?QUIT$|^3$/.test(yamlText(signal) ?? "")) continue;
        yield {
          span: yamlEntrySpan(service.node, "stop_signal") ?? signal,
          message: `stop_signal ${yamlText(signal)} makes nginx drop every connection at once`,
          fix: "Write SIGQUIT: nginx ends after the requests in flight.",
          edits: [replace(signal, "SIGQUIT")],
          severity: "warning" as const,
        };
      }
    }
  },
};

/** `docker compose down -t 3` in a unit or a script has the last word, whatever the compose file says. */
function* impatientStops(source: Source, need: number): Generator<Hit> {
  for (const match of source.text.matchAll(
    /^(?![ \t]*[#;]).*?((?:docker|podman)[ -]compose\b[^\n;&|]*?\s(?:down|stop|restart)\b[^\n;&|]*?\s(?:-t|--timeout)[ =]?(\d+))/gm,
  )) {
    const [line, command = "", given] = match;
    const ms = Number(given) * 1000;
    if (ms >= need) continue;
    const start = match.index + line.length - command.length;
    const end = start + command.length;
    yield {
      span: { source, start, end },
      message: `this stop waits ${seconds(ms)}, whatever stop_grace_period says, but shutdown.drain + 5s margin need ${seconds(need)}`,
      fix: "Leave the time out: stop_grace_period then counts.",
      edits: [{ span: { source, start: end - (given?.length ?? 0), end }, text: String(ceilSeconds(need) + 5) }],
    };
  }
}
