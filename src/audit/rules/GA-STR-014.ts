import type { Edit, Rule } from "../types.ts";
import { allScopes, arg, headSpan, inherited, inheritedList } from "../model/nginx.ts";
import { appNginxPoints } from "../model/facts.ts";
import { addNginx, replace } from "./kit.ts";

export const rule: Rule = {
  id: "GA-STR-014",
  severity: "warning",
  confidence: "certain",
  title: "nginx's own limits do not fit the server",
  why: "limit_req and limit_conn answer 503 by default, which clients take for an outage; 429 says what it is. A per-client connection limit above the pool lets one client take every slot (a WebSocket holds its connection for its whole life), and a key other than the address limits the wrong thing.",
  evidence: ["Tried on nginx: default status 503; a WebSocket counts against limit_conn until it ends."],
  reads: ["nginx", "config"],
  fixKind: "safe",
  *check(facts) {
    const pool = facts.assume.number("pool.size");
    const seen = new Set<unknown>();
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
