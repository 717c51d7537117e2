import type { Hit, Rule } from "../../types.ts";
import type { Edit } from "../../parts.ts";
import type { Facts } from "../../model/facts.ts";
import { allScopes, arg, headSpan, inherited, inheritedList } from "../../model/nginx.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { addNginx, replace } from "../kit/edits.ts";
import { nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-014",
  severity: "warning",
  confidence: "certain",
  title: "nginx's rate and connection limits do not match the server's",
  why: "limit_req and limit_conn answer 503 by default, which clients take for an outage; 429 says what it is. A per-client connection limit above the pool lets one client take every slot (a WebSocket holds its connection for its whole life), and a key other than the address limits something else.",
  evidence: ["Tried on nginx: default status 503; a WebSocket counts against limit_conn until it ends."],
  reads: ["nginx", "config"],
  fixKind: "safe",
  *check(facts) {
    const pool = facts.assume.number("pool.size");
    const seen = new Set<unknown>();
    // With `deploy.limiter: proxy` the server leaves counting to the proxy.
    const perMinute = facts.assume.text("deploy.limiter") === "proxy" ? facts.assume.number("rateLimit.perMinute") : 0;
    yield* absent(facts, perMinute);
    yield* connections(facts, pool);
    for (const point of appNginxPoints(facts)) {
      for (const kind of ["limit_req", "limit_conn"] as const) {
        for (const limit of inheritedList(point.scope, kind).list) {
          if (seen.has(limit)) continue;
          seen.add(limit);
          const status = inherited(point.scope, `${kind}_status`);
          if (arg(status, 0) !== "429") {
            const value = status?.args[0];
            const edits: Edit[] = [value ? replace(value, "429") : addNginx(limit, `${kind}_status 429;`)];
            yield {
              span: headSpan(status ?? limit),
              message: `${kind} answers ${status ? arg(status, 0) : "503 (default)"} instead of 429`,
              fix: `Write \`${kind}_status 429;\`.`,
              edits,
            };
          }
          const zone =
            kind === "limit_req"
              ? (limit.args.find((item) => item.value.startsWith("zone="))?.value.slice(5) ?? "")
              : arg(limit, 0);
          const definition = [...allScopes(point.root.main)]
            .flatMap((scope) => scope.own)
            .find(
              (item) =>
                item.directive === `${kind}_zone` &&
                item.args.some((argument) => argument.value.startsWith(`zone=${zone}:`)),
            );
          if (
            !definition &&
            point.root.complete &&
            ![...allScopes(point.root.main)].some((scope) => scope.missing.length > 0)
          ) {
            yield {
              span: headSpan(limit),
              message: `the zone ${zone} is not defined: nginx does not start`,
              fix: `Write \`${kind}_zone $binary_remote_addr zone=${zone}:10m${kind === "limit_req" ? " rate=60r/m" : ""};\` in http.`,
            };
          }
          if (kind === "limit_req" && definition && perMinute > 0 && !seen.has(definition)) {
            seen.add(definition);
            const rate = definition.args.find((item) => item.value.startsWith("rate="));
            const match = /^rate=(\d+)r\/([sm])$/.exec(rate?.value ?? "");
            const given = match ? Number(match[1]) * (match[2] === "s" ? 60 : 1) : undefined;
            if (rate && given !== undefined && given !== perMinute)
              yield {
                span: headSpan(definition),
                message: `${rate.value} is ${given} a minute, but rateLimit.perMinute is ${perMinute}`,
                fix: `Write \`rate=${perMinute}r/m\`.`,
                edits: [replace(rate, `rate=${perMinute}r/m`)],
                related: facts.assume.related("rateLimit.perMinute"),
              };
          }
          const key = arg(definition, 0);
          if (definition && key !== "$binary_remote_addr" && key !== "$remote_addr" && !key.startsWith("$gigastt")) {
            const value = definition.args[0];
            yield {
              span: headSpan(definition),
              message: `zone ${zone} counts by ${key}, not by the client's address`,
              fix: "Key the zone by `$binary_remote_addr`.",
              ...(value ? { edits: [replace(value, "$binary_remote_addr")] } : {}),
            };
          }
          if (kind === "limit_conn" && key.includes("remote_addr") && Number(arg(limit, 1)) > pool) {
            const value = limit.args[1];
            yield {
              span: headSpan(limit),
              message: `limit_conn ${arg(limit, 1)} per client is above pool.size ${pool}: one client can take every slot`,
              fix: `Write \`limit_conn ${zone} ${pool};\` or less.`,
              ...(value ? { edits: [replace(value, String(pool))] } : {}),
              related: facts.assume.related("pool.size"),
            };
          }
        }
      }
    }
  },
};

/** Routes without the limit that belongs to them. */
function* absent(facts: Facts, perMinute: number): Generator<Hit> {
  const limited = perMinute > 0 ? nginxCarrying(facts, "rest", "sse") : [];
  for (const point of limited) {
    const { list, uncertain } = inheritedList(point.scope, "limit_req");
    if (list.length > 0 || uncertain) continue;
    yield {
      span: headSpan(point.location?.directive ?? point.pass),
      message: `deploy.limiter is proxy, but no limit_req counts the requests here: rateLimit.perMinute ${perMinute} is not kept by anybody`,
      fix: "Write `limit_req zone=… burst=… nodelay;` in this location.",
      related: facts.assume.related("rateLimit.perMinute"),
    };
  }
  for (const point of nginxCarrying(facts, "websocket")) {
    const { list, uncertain } = inheritedList(point.scope, "limit_conn");
    if (list.length > 0 || uncertain || !point.root.complete) continue;
    yield {
      span: headSpan(point.location?.directive ?? point.pass),
      message: "no limit_conn on the WebSocket: one client can take every slot of the pool",
      fix: "Write `limit_conn_zone $binary_remote_addr zone=gigastt_conn:10m;` in http and `limit_conn gigastt_conn 4;` here.",
      severity: "note",
    };
  }
}

/** Two connections of a worker for every session: the client's and the server's. */
function* connections(facts: Facts, pool: number): Generator<Hit> {
  const need = 2 * (pool + facts.assume.number("pool.queue"));
  for (const root of new Set(appNginxPoints(facts).map((point) => point.root))) {
    const events = root.main.scopes.find((scope) => scope.kind === "events");
    const directive = events?.own.find((item) => item.directive === "worker_connections");
    const value = directive?.args[0];
    if (!directive || !value || !(Number(value.value) < need)) continue;
    yield {
      span: headSpan(directive),
      message: `worker_connections ${value.value} is below the ${need} that ${pool} sessions and ${facts.assume.number("pool.queue")} waiting ones take, two each`,
      fix: `Write \`worker_connections ${Math.max(1024, 2 * need)};\`.`,
      edits: [replace(value, String(Math.max(1024, 2 * need)))],
      related: [...facts.assume.related("pool.size"), ...facts.assume.related("pool.queue")],
    };
  }
}
