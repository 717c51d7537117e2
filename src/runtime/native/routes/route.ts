import type { RouteSpec } from "../../../shared/protocol.ts";
import type { RuntimeContext } from "../../context.ts";
import type { Exchange } from "../../http/exchanges.ts";
import type { Reply } from "../../http/reply.ts";

/** One route of the HTTP face: its entry in the table and what answers it. */
export interface Route extends RouteSpec {
  readonly handle: (exchange: Exchange, context: RuntimeContext, query: URLSearchParams) => Reply | Promise<Reply>;
}
