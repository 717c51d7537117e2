/** A JSON Schema of 2020-12, as OpenAPI 3.1 takes it. */
export type Schema = { readonly [key: string]: unknown };

/** What the OpenAPI document says of a route beyond the table of routes. */
export interface Operation {
  readonly parameters?: readonly Parameter[];
  /** Content by media type. */
  readonly body?: Readonly<Record<string, Schema>>;
  /** Content of 200 by media type. */
  readonly answer: Readonly<Record<string, Schema>>;
  /** Content of 503, where it is not an error. */
  readonly unavailable?: Readonly<Record<string, Schema>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly required?: boolean;
  readonly description: string;
  readonly schema: Schema;
}

export function query(name: string, description: string, schema: Schema): Parameter {
  return { name, in: "query", description, schema };
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
