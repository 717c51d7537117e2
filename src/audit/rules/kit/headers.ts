import type { NginxPoint } from "../../model/nginx-points.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { inheritedList } from "../../model/nginx.ts";
import type { NginxDirective } from "../../parse/nginx.ts";
import type { Edit } from "../../parts.ts";
import { addNginx } from "./edits.ts";

/** Header names set by the list that is in force at a pass, lower case → value. */
export function effectiveHeaders(scope: NginxScope): {
  readonly headers: ReadonlyMap<string, { readonly value: string; readonly directive: NginxDirective }>;
  readonly level: NginxScope | undefined;
  readonly uncertain: boolean;
} {
  const { list, level, uncertain } = inheritedList(scope, "proxy_set_header");
  const headers = new Map(
    list.map((directive) => [
      (directive.args[0]?.value ?? "").toLowerCase(),
      { value: directive.args[1]?.value ?? "", directive },
    ]),
  );
  return { headers, level, uncertain };
}

/** Adds a `proxy_set_header` to the list that is in force: beside its last one, or beside the pass when there is none. */
export function addHeader(point: NginxPoint, name: string, value: string): Edit {
  const { level } = effectiveHeaders(point.scope);
  const last = level?.own.findLast((directive) => directive.directive === "proxy_set_header");
  return addNginx(last ?? point.pass, `proxy_set_header ${name} ${value};`);
}
