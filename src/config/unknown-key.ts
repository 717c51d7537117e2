import { closest } from "../shared/suggest.ts";
import { isSection, nodeAt, settableKeys, type Section } from "./node.ts";
import { printable } from "../shared/printable.ts";

import { resolvedName } from "./resolve.ts";
import { variableName } from "./variables.ts";

/** Guesses what an unknown key was meant to be: a typo, another section's key, a variable's or a resolved value's name. */
export function unknownKeyCure(schema: Section, parent: readonly string[], name: string): string {
  const section = nodeAt(schema, parent);
  const siblings = section !== undefined && isSection(section) ? Object.entries(section.properties) : [];
  const spelled = siblings.find(([key, node]) => plain(key) === plain(name) || resolvedName(key, node) === name);
  if (spelled !== undefined) return `write ${spelled[0]}`;

  const all = settableKeys(schema);
  const wanted = plain(name);
  for (const [key, node] of all) {
    const variable = plain(variableName(key, node).replace(/^GIGASTT_/, ""));
    if (plain(key) === wanted || variable === wanted) return `write ${whereTo(key, parent)}`;
  }
  const near = closest(
    name,
    siblings.map(([key]) => key),
  );
  if (near !== undefined) return `did you mean ${near}?`;

  const elsewhere = [...all.keys()].filter((key) => plain(key.slice(key.lastIndexOf(".") + 1)) === wanted);
  if (elsewhere.length === 1) return `it belongs below another section: ${elsewhere[0]}`;
  if (elsewhere.length > 1) return `did you mean ${elsewhere.join(" or ")}?`;
  const keys = siblings.map(([key]) => key).join(", ");
  return keys === "" ? "delete it" : `known here: ${printable(keys, 200)}`;
}

// ---

function whereTo(key: string, parent: readonly string[]): string {
  const prefix = parent.length === 0 ? "" : `${parent.join(".")}.`;
  if (prefix !== "" && key.startsWith(prefix)) return key.slice(prefix.length);
  return `it as ${key}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.\s]/g, "");
}
