import type { RuntimeContext } from "../../context.ts";
import type { Exchange } from "../../http/exchanges.ts";
import type { Reply } from "../../http/reply.ts";

/** One route of the HTTP face. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Exact path; also the label in logs and metrics. */
  readonly path: string;
  /** Browsers of other origins are refused, and CORS headers added for allowed ones. Off for the probes. */
  readonly checksOrigin: boolean;
  /** Costs a token of the client's bucket. */
  readonly isLimited: boolean;
  readonly handle: (exchange: Exchange, context: RuntimeContext, query: URLSearchParams) => Reply | Promise<Reply>;
}
