import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { parseAllDocuments } from "yaml";

const schemas = JSON.parse(readFileSync(new URL("../fixtures/kubernetes/schemas.json", import.meta.url), "utf8")) as {
  kinds: Record<string, object>;
  $defs: Record<string, object>;
}; // our own fixture
// Not strict: the cluster's own schemas mix types and patterns in ways ajv's style check dislikes.
const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = new Map<string, ValidateFunction>();

/** What the vendored schemas of Kubernetes have against a YAML stream; kinds that they do not know pass. */
export function manifestErrors(text: string): readonly string[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) return document.errors.map((error) => error.message);
    const object: unknown = document.toJS();
    const kind = typeof object === "object" && object !== null && "kind" in object ? String(object.kind) : "";
    const schema = schemas.kinds[kind];
    if (!schema) return [];
    const validate = validators.get(kind) ?? ajv.compile({ ...schema, $defs: schemas.$defs });
    validators.set(kind, validate);
    return validate(object)
      ? []
      : (validate.errors ?? []).map((error) => `${kind}${error.instancePath} ${error.message ?? ""}`);
  });
}
