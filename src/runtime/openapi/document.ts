import { ROUTES } from "../../shared/protocol.ts";
import type { HttpRouteName, RouteSpec } from "../../shared/protocol.ts";
import { ref } from "./operation.ts";
import type { Operation, Schema } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { SCHEMAS } from "./schemas.ts";

/** Returns the OpenAPI 3.1 document of the HTTP routes: the table of routes, and for each what {@link OPERATIONS} says of it. */
export function openApiDocument(version: string): unknown {
  const described = (Object.entries(ROUTES) as [HttpRouteName, RouteSpec][]).filter(
    ([, { traffic, face }]) => traffic !== "websocket" && face !== "console",
  );
  const paths = new Map(described.map(([name, route]) => [route.path, pathItem(name, route)]));
  return {
    openapi: "3.1.0",
    info: {
      title: "gigastt",
      version,
      description:
        "Speech recognition: recordings in, transcripts out. Live sessions are WebSockets, see /asyncapi.json.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(described.map(([, { face }]) => face))].map((name) => ({ name })),
    paths: Object.fromEntries(paths),
    components: { schemas: SCHEMAS },
  };
}

// ---

function pathItem(name: HttpRouteName, route: RouteSpec): unknown {
  const operation = OPERATIONS[name];
  return Object.fromEntries(
    route.methods.map((method) => [
      method.toLowerCase(),
      {
        operationId: route.methods.length > 1 ? `${name}-${method.toLowerCase()}` : name,
        tags: [route.face],
        summary: route.summary.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"),
        parameters: operation?.parameters ?? pathParameters(route),
        ...(operation?.body === undefined
          ? {}
          : { requestBody: { required: true, content: contentOf(operation.body) } }),
        responses: responsesOf(route, operation),
        ...(route.replacedBy === undefined ? {} : { deprecated: true }),
      },
    ]),
  );
}

function pathParameters({ path }: RouteSpec): readonly unknown[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function responsesOf({ face }: RouteSpec, operation: Operation | undefined): unknown {
  const error = face === "openai" || face === "realtime" ? "OpenAiError" : "Error";
  const answer = operation?.answer;
  const never = answer !== undefined && Object.keys(answer).length === 0;
  return {
    ...(never
      ? {}
      : { "200": { description: "Done", ...(answer === undefined ? {} : { content: contentOf(answer) }) } }),
    ...(operation?.unavailable === undefined
      ? {}
      : { "503": { description: "Not now", content: contentOf(operation.unavailable) } }),
    default: {
      description: "Refused; the code says why",
      headers: { "x-request-id": { schema: { type: "string" } } },
      ...(face === "compat" ? {} : { content: { "application/json": { schema: ref(error) } } }),
    },
  };
}

function contentOf(types: Readonly<Record<string, Schema>>): unknown {
  return Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]));
}
