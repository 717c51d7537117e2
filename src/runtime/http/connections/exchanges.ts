import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClientAddress } from "../../access/client-address.ts";
import type { KeyUse } from "../../access/keys.ts";
import { ClientGone } from "../replies/errors.ts";
import type { Trace } from "../../tracing/trace.ts";
import type { Face } from "../../../shared/protocol.ts";

/** One HTTP request and its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly requestId: string;
  readonly client: ClientAddress;
  readonly startedMs: number;
  /** Aborted when the client is gone (`ClientGone`), or with the WireError to answer when the server ends the work. */
  readonly signal: AbortSignal;
  /** Route pattern for logs and metrics, never the raw path. */
  route: string;
  /** Decides the form of its errors. */
  face: Face;
  /** The API key it was accepted for, once that was checked. */
  use: KeyUse | undefined;
  /** A drain refuses what is still `receiving`, lets the admission dismiss what is `waiting`, and lets `working` finish. */
  stage: "receiving" | "waiting" | "working";
  /** Undefined where it is not traced. */
  readonly trace: Trace | undefined;
  /** When its answer began; undefined before. */
  repliedMs: number | undefined;
  /** More fields of its log line. */
  readonly fields: Record<string, unknown>;
  /** Ends its work; `reason` is what it answers. */
  abort(reason: Error): void;
  /** Tells a client that asked by `Expect: 100-continue` to send its body. */
  inviteBody(): void;
  /** The client still waits for it: its body was never sent. */
  readonly bodyWithheld: boolean;
}

/** All running requests. */
export interface Exchanges extends Iterable<Exchange> {
  open(
    options: Pick<Exchange, "req" | "res" | "requestId" | "client" | "startedMs" | "trace"> & {
      expectsContinue: boolean;
    },
  ): Exchange;
  of(req: IncomingMessage): Exchange | undefined;
  readonly size: number;
}

export function createExchanges(): Exchanges {
  const open = new Set<Exchange>();
  const byRequest = new WeakMap<IncomingMessage, Exchange>();
  return {
    open: ({ expectsContinue, ...given }) => {
      const controller = new AbortController();
      let withheld = expectsContinue;
      const exchange: Exchange = {
        ...given,
        signal: controller.signal,
        route: "unmatched",
        face: "native",
        use: undefined,
        stage: "receiving",
        repliedMs: undefined,
        fields: {},
        abort: (reason) => controller.abort(reason),
        inviteBody: () => {
          if (withheld) given.res.writeContinue();
          withheld = false;
        },
        get bodyWithheld() {
          return withheld;
        },
      };
      open.add(exchange);
      byRequest.set(given.req, exchange);
      given.res.once("close", () => {
        open.delete(exchange);
        if (!given.res.writableFinished) controller.abort(new ClientGone());
      });
      return exchange;
    },
    of: (req) => byRequest.get(req),
    get size() {
      return open.size;
    },
    [Symbol.iterator]: () => open[Symbol.iterator](),
  };
}
