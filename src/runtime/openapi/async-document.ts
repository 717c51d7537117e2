import { ROUTES } from "../../shared/protocol.ts";
import type { WebSocketRouteName } from "../../shared/protocol.ts";
import { CONVERSATIONS } from "./conversations.ts";
import type { Conversation, MessageForm } from "./conversations.ts";
import { SCHEMAS } from "./schemas.ts";
import { SECURITY_SCHEMES } from "./security.ts";

/** Returns the AsyncAPI 3.0 document of the WebSocket routes: the table of routes, and for each what {@link CONVERSATIONS} says of it. */
export function asyncApiDocument(version: string): unknown {
  const routes = Object.entries(CONVERSATIONS) as [WebSocketRouteName, Conversation][];
  return {
    asyncapi: "3.0.0",
    info: {
      title: "gigastt sessions",
      version,
      description: "Live speech recognition over WebSocket: audio in, text out while it is spoken.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(routes.map(([name, conversation]) => [name, channel(name, conversation)])),
    operations: Object.fromEntries(
      routes.flatMap(([name, { client, server }]) => [
        [`${name}-receive`, operation("receive", name, client)],
        [`${name}-send`, operation("send", name, server)],
      ]),
    ),
    components: { schemas: SCHEMAS, securitySchemes: SECURITY_SCHEMES },
  };
}

// ---

function channel(name: WebSocketRouteName, { client, server }: Conversation): unknown {
  const { path, summary } = ROUTES[name];
  return {
    address: path,
    summary: summary.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"),
    messages: Object.fromEntries([
      ...Object.entries(client).map(([type, form]) => [keyOf("client", type), messageOf(type, form)]),
      ...Object.entries(server).map(([type, form]) => [keyOf("server", type), messageOf(type, form)]),
    ]),
    bindings: { ws: { method: "GET" } },
  };
}

function messageOf(name: string, { summary, payload }: MessageForm): unknown {
  return payload === undefined
    ? { name, summary, contentType: "application/octet-stream" }
    : { name, summary, payload };
}

/** As the server acts: it receives what clients say. */
function operation(action: "send" | "receive", name: string, forms: Conversation["client"]): unknown {
  const from = action === "receive" ? "client" : "server";
  return {
    action,
    channel: { $ref: `#/channels/${name}` },
    security: Object.keys(SECURITY_SCHEMES).map((scheme) => ({ $ref: `#/components/securitySchemes/${scheme}` })),
    messages: Object.keys(forms).map((type) => ({ $ref: `#/channels/${name}/messages/${keyOf(from, type)}` })),
  };
}

/** Keys of messages have letters, digits and `-_.` only; both sides say `error` or `audio`. */
function keyOf(from: "client" | "server", type: string): string {
  return `${from}.${type}`;
}
