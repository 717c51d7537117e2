import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { H3 } from "h3";
import type { RuntimeContext } from "../../src/runtime/context.ts";

/** Asks the app without a server: `app.request()` with the exchange that the HTTP server would have opened. */
export async function appRequest(
  app: H3,
  context: RuntimeContext,
  target: string,
  init: { method?: string; headers?: Readonly<Record<string, string>>; client?: string } = {},
): Promise<Response> {
  const { method = "GET", headers = {}, client = "192.0.2.1" } = init;
  const req = new IncomingMessage(new Socket());
  Object.assign(req, { method, url: target, httpVersion: "1.1", complete: true });
  for (const [name, value] of Object.entries({ host: "localhost", ...headers })) {
    req.rawHeaders.push(name, value);
    req.headers[name.toLowerCase()] = value;
  }
  const exchange = context.exchanges.open({
    req,
    res: new ServerResponse(req),
    requestId: headers["x-request-id"] ?? "test",
    client: { address: client, key: client, appendedForward: false },
    startedMs: context.clock.monotonicMs(),
    trace: undefined,
    expectsContinue: false,
  });
  return app.request(new URL(target, "http://localhost"), { method, headers }, { exchange });
}
