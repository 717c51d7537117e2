import type { Face, HttpRouteName, ROUTES } from "../../shared/protocol.ts";

/** A JSON Schema of 2020-12, as OpenAPI 3.1 takes it. */
export type Schema = { readonly [key: string]: unknown };

/** What the OpenAPI document says of a method of a route beyond the table of routes. */
export interface Operation {
  readonly parameters?: readonly Parameter[];
  /** Content by media type. */
  readonly body?: Readonly<Record<string, Schema>>;
  /** Of success: 200, unless something else is said. */
  readonly status?: 201 | 202 | 204;
  /** Content of success by media type; a success without it has no body. */
  readonly answer?: Readonly<Record<string, Schema>>;
  /** What success leads to: the routes, and where in it their `id` stands, as a runtime expression of OpenAPI. */
  readonly leadsTo?: { readonly id: string; readonly operations: readonly string[] };
  /** Headers of success. */
  readonly headers?: readonly string[];
  /** No request succeeds. */
  readonly isRefused?: true;
  /** 204 is possible too: there is nothing to tell. */
  readonly mayBeEmpty?: true;
  /** Content of 503, where it is not an error. */
  readonly unavailable?: Readonly<Record<string, Schema>>;
}

/** The routes of these faces. */
export type RouteOf<F extends Face> = {
  [K in HttpRouteName]: (typeof ROUTES)[K]["face"] extends F ? K : never;
}[HttpRouteName];

/** For each route of these faces, for each of its methods, an operation. */
export type OperationsOf<F extends Face> = {
  readonly [K in RouteOf<F>]: Readonly<Record<(typeof ROUTES)[K]["methods"][number], Operation>>;
};

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required?: boolean;
  readonly description: string;
  readonly schema: Schema;
}

export function query(name: string, description: string, schema: Schema): Parameter {
  return { name, in: "query", description, schema };
}

export function header(name: string, description: string, schema: Schema, required = false): Parameter {
  return { name, in: "header", description, schema, ...(required ? { required } : {}) };
}

/** `id` in a path. */
export function id(description: string): Parameter {
  return { name: "id", in: "path", required: true, description, schema: TEXT };
}

/** An object with all of these keys, and with the optional ones perhaps. */
export function object(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return { type: "object", properties: { ...required, ...optional }, required: Object.keys(required) };
}

export function array(items: Schema): Schema {
  return { type: "array", items };
}

export function oneOf(values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

/** One of these words in capitals or small letters, or nothing at all: forms send every field. */
export function anyCase(words: readonly string[]): Schema {
  const letters = (word: string): string =>
    [...word].map((letter) => (/[a-z]/.test(letter) ? `[${letter.toUpperCase()}${letter}]` : letter)).join("");
  return { type: "string", pattern: `^(?:${words.map(letters).join("|")})?$`, examples: [...words] };
}

/** Refers to a schema of the components. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export const TEXT: Schema = { type: "string" };
export const NUMBER: Schema = { type: "number" };
export const INTEGER: Schema = { type: "integer" };
export const BOOLEAN: Schema = { type: "boolean" };
/** The bytes of a file. */
export const BINARY: Schema = { type: "string", minLength: 1, contentMediaType: "application/octet-stream" };
export const AUDIO: Readonly<Record<string, Schema>> = { "application/octet-stream": BINARY };
export const EVENTS: Readonly<Record<string, Schema>> = {
  "text/event-stream": { description: "Lines of `data:` with JSON" },
};

export function whole(minimum: number, maximum: number): Schema {
  return { type: "integer", minimum, maximum };
}
