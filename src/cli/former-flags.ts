import { FORMER_VARIABLES } from "../config/former-names.ts";
import { baseType, isLeaf, isList, settableKeys, type Section } from "../config/schema/node.ts";
import { variableName } from "../config/variables.ts";

/** A flag of the Rust server. */
export interface FormerFlag {
  readonly key: string;
  /** Stands alone; the text it means. */
  readonly alone: string | undefined;
  readonly multiple: boolean;
  /** Unit of a bare number, as the flag's name says. */
  readonly unit: "" | "s" | "B";
}

/** The flags of the Rust server by name, without dashes: each is a variable's name in lower case. */
export function formerFlags(schema: Section): ReadonlyMap<string, FormerFlag> {
  const flags = new Map<string, FormerFlag>();
  const keys = settableKeys(schema);
  const variables = [...keys].flatMap(([key, node]): [string, string][] =>
    node["x-env"] === undefined ? [] : [[variableName(key, node), key]],
  );
  for (const [variable, key] of [...variables, ...Object.entries(FORMER_VARIABLES)]) {
    const node = keys.get(key);
    if (node === undefined) continue;
    const isBoolean = isLeaf(node) && baseType(node) === "boolean";
    const alone = isBoolean ? "true" : isList(node) && node["x-env-values"] !== undefined ? "1" : undefined;
    flags.set(variable.slice("GIGASTT_".length).toLowerCase().replaceAll("_", "-"), {
      key,
      alone,
      multiple: isList(node) && alone === undefined,
      unit: variable.endsWith("_SECS") ? "s" : variable.endsWith("_BYTES") ? "B" : "",
    });
  }
  return flags;
}
