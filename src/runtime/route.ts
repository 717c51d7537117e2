import type { RouteSpec } from "../shared/protocol.ts";
import type { RuntimeContext } from "./context.ts";
import type { Exchange } from "./http/connections/exchanges.ts";
import type { Reply } from "./http/replies/reply.ts";

/** One route of a face: its entry in the table and what answers it. */
export interface Route extends RouteSpec {
  readonly handle: (exchange: Exchange, context: RuntimeContext, request: RouteRequest) => Reply | Promise<Reply>;
}

export interface RouteRequest {
  readonly query: URLSearchParams;
  /** What stands in the place of each `{name}` of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
}
