import { closest } from "../shared/text/suggest.ts";
import { isSection, settableKeys, type Section } from "./schema/node.ts";
import { printable } from "../shared/text/printable.ts";
import { formatKey, type Place, type Problem } from "./problems/problem.ts";
import type { Finding } from "./problems/validate.ts";
import { setAt, valueOfText } from "./variables.ts";

/** Raw values of one origin and the way back to their places. */
export interface Layer {
  readonly raw: unknown;
  readonly place: (path: readonly string[], target: "key" | "value") => Place;
}

/** Returns a layer whose places are names of variables or flags. */
export function namedLayer(raw: unknown, names: ReadonlyMap<string, string>, kind: "variable" | "flag"): Layer {
  return {
    raw,
    place: (path) => {
      for (let length = path.length; length > 0; length--) {
        const name = names.get(path.slice(0, length).join("."));
        if (name !== undefined) return { kind, name };
      }
      return { kind: "default" };
    },
  };
}

/** Returns a finding at its place. */
export function placed(finding: Finding, layer: Layer): Problem {
  return {
    severity: "error",
    code: finding.code,
    place: layer.place(finding.path, finding.target),
    key: formatKey(finding.path),
    rule: finding.rule,
    found: finding.found,
    cure: finding.cure,
  };
}

/** Reads `--set` and its likes: dotted key → text. */
export function readOverrides(
  schema: Section,
  overrides: Readonly<Record<string, string>>,
  flagNames: Readonly<Record<string, string>>,
): {
  raw: Record<string, unknown>;
  names: Map<string, string>;
  problems: Problem[];
} {
  const keys = settableKeys(schema);
  const raw: Record<string, unknown> = {};
  const names = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [key, text] of Object.entries(overrides)) {
    const node = keys.get(key);
    const flag = flagNames[key] ?? "--set";
    if (node !== undefined) {
      setAt(raw, key, valueOfText(node, text));
      names.set(key, flag);
      continue;
    }
    const section = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const meant = closest(key, keys.keys());
    problems.push({
      severity: "error",
      code: "GST_CONFIG_UNKNOWN_KEY",
      place: { kind: "flag", name: flag },
      key: printable(key),
      rule: section !== undefined && isSection(section) ? "is a section, not a key" : "is not a known key",
      found: undefined,
      cure:
        section !== undefined && isSection(section)
          ? `set one of its keys, for example ${key}.${Object.keys(section.properties)[0]}`
          : meant === undefined
            ? "see `gigastt config explain`"
            : `did you mean ${meant}?`,
    });
  }
  return { raw, names, problems };
}
