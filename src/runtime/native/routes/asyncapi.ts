import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { asyncApiDocument } from "../../openapi/async-document.ts";
import type { Route } from "../../route.ts";

/** The WebSocket routes in the language of AsyncAPI. */
export const asyncapi: Route = {
  ...ROUTES.asyncapi,
  handle: (_exchange, { version }) => json(200, asyncApiDocument(version)),
};
