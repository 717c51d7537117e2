import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { openApiDocument } from "../../openapi/document.ts";
import type { Route } from "../../route.ts";

/** The HTTP routes in the language of OpenAPI. */
export const openapi: Route = {
  ...ROUTES.openapi,
  handle: (_exchange, { version }) => json(200, openApiDocument(version)),
};
