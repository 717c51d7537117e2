import { typeText } from "./describe.ts";
import {
  isLeaf,
  isSection,
  nodeAt,
  settableKeys,
  type Dictionary,
  type Leaf,
  type List,
  type Section,
} from "./node.ts";
import { variableName } from "../variables.ts";
import { yamlScalar } from "../file/commented.ts";

/** Everything the schema knows about one key. */
export interface KeyFacts {
  readonly key: string;
  readonly title: string;
  readonly description: string;
  /** `a whole number from 0 to 65535` */
  readonly type: string;
  /** As YAML; undefined for a required key. */
  readonly default: string | undefined;
  readonly variable: string;
  /** What a bare number in the variable means: `seconds`, `bytes`. */
  readonly variableUnit: string | undefined;
  readonly reload: string;
  readonly examples: readonly string[];
  readonly secret: boolean;
}

/** Returns the facts of every settable key, in the schema's order. */
export function allFacts(root: Section): KeyFacts[] {
  return [...settableKeys(root)].map(([key, node]) => factsOf(key, node));
}

/** Returns the facts of a key, or of all keys of a section; undefined when there is no such key. */
export function explain(
  root: Section,
  key: string,
): { readonly section: Section | undefined; readonly facts: readonly KeyFacts[] } | undefined {
  const path = key.split(".");
  const node = nodeAt(root, path);
  if (node === undefined) return undefined;
  if (isSection(node))
    return { section: node, facts: [...settableKeys(node, key)].map(([name, child]) => factsOf(name, child)) };
  const known = settableKeys(root).get(key);
  return known === undefined ? undefined : { section: undefined, facts: [factsOf(key, known)] };
}

/** What a change of the key does to a running service, in words. */
export const RELOAD_TEXT: Readonly<Record<string, string>> = {
  live: "applied by the running service",
  handover: "a new runtime takes over the socket; running sessions finish in the old one",
  restart: "needs a restart",
};

// ---

function factsOf(key: string, node: Leaf | List | Dictionary): KeyFacts {
  const variable = variableName(key, node);
  return {
    key,
    title: node.title,
    description: node.description,
    type: typeText(node),
    default: node.default === undefined ? undefined : yamlScalar(node.default),
    variable,
    variableUnit: variable.endsWith("_SECS") ? "seconds" : variable.endsWith("_BYTES") ? "bytes" : undefined,
    reload: node["x-reload"] ?? "restart",
    examples: (node.examples ?? []).map(yamlScalar),
    secret: isLeaf(node) && node["x-secret"] === true,
  };
}
