import { ROUTES } from "../../shared/protocol.ts";
import type { HttpMethod, RouteSpec } from "../../shared/protocol.ts";
import { BINARY, ref } from "./operation.ts";
import type { Operation, RouteOf, Schema } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import type { DescribedFace } from "./operations.ts";
import { SCHEMAS } from "./schemas.ts";
import { SECURITY_SCHEMES, securityOf } from "./security.ts";

/** Returns the OpenAPI 3.1 document of the HTTP routes: the table of routes, and for each what {@link OPERATIONS} says of it. */
export function openApiDocument(version: string): unknown {
  const described = (Object.entries(ROUTES) as [RouteOf<DescribedFace>, RouteSpec][]).filter(
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
    components: { schemas: SCHEMAS, securitySchemes: SECURITY_SCHEMES },
  };
}

// ---

function pathItem(name: RouteOf<DescribedFace>, route: RouteSpec): unknown {
  const operations: Partial<Readonly<Record<HttpMethod, Operation>>> = OPERATIONS[name] ?? {};
  return Object.fromEntries(
    route.methods.map((method) => {
      const operation = operations[method] ?? {};
      return [
        method.toLowerCase(),
        {
          operationId: route.methods.length > 1 ? `${name}-${method.toLowerCase()}` : name,
          tags: [route.face],
          summary: route.summary.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"),
          security: securityOf(route),
          parameters: operation.parameters ?? [],
          ...(operation.body === undefined
            ? {}
            : { requestBody: { required: true, content: contentOf(operation.body) } }),
          responses: responsesOf(route, operation),
          ...(route.replacedBy === undefined ? {} : { deprecated: true }),
        },
      ];
    }),
  );
}

function responsesOf({ face }: RouteSpec, operation: Operation): unknown {
  const error = face === "openai" || face === "realtime" ? "OpenAiError" : "Error";
  const { answer, headers = [], isRefused, leadsTo, mayBeEmpty, status = 200, unavailable } = operation;
  const success = {
    description: "Done",
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers.map((name) => [name, HEADER])) }),
    ...(answer === undefined ? {} : { content: contentOf(answer) }),
    ...(leadsTo === undefined
      ? {}
      : {
          links: Object.fromEntries(
            leadsTo.operations.map((operationId) => [operationId, { operationId, parameters: { id: leadsTo.id } }]),
          ),
        }),
  };
  return {
    ...(isRefused === true ? {} : { [status]: success }),
    ...(mayBeEmpty === true ? { "204": { description: "There is nothing to tell" } } : {}),
    ...(unavailable === undefined ? {} : { "503": { description: "Not now", content: contentOf(unavailable) } }),
    default: {
      description: "Refused; the code says why",
      headers: { "x-request-id": HEADER },
      ...(face === "compat" ? {} : { content: { "application/json": { schema: ref(error) } } }),
    },
  };
}

const HEADER = { schema: { type: "string" } };

function contentOf(types: Readonly<Record<string, Schema>>): unknown {
  return Object.fromEntries(
    Object.entries(types).map(([type, schema]) => {
      const files = Object.entries(schema["properties"] ?? {}).filter(([, property]) => property === BINARY);
      const encoding = files.map(([name]) => [name, { contentType: "application/octet-stream" }]);
      return [type, { schema, ...(encoding.length === 0 ? {} : { encoding: Object.fromEntries(encoding) }) }];
    }),
  );
}
