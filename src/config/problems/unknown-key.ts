import { closest } from "../../shared/text/suggest.ts";
import { isSection, nodeAt, settableKeys, type Section } from "../schema/node.ts";
import { printable } from "../../shared/text/printable.ts";
import { resolvedName } from "../resolve.ts";
import { variableName } from "../variables.ts";

/** Guesses what an unknown key was meant to be: a typo, another section's key, a variable's or a resolved value's name. */
export function unknownKeyCure(schema: Section, parent: readonly string[], name: string): string {
  const section = nodeAt(schema, parent);
  const siblings = section !== undefined && isSection(section) ? Object.entries(section.properties) : [];
  const spelled = siblings.find(([key, node]) => plain(key) === plain(name) || resolvedName(key, node) === name);
  if (spelled !== undefined) return `write ${spelled[0]}`;

  const { bySpelling, byLastWord } = indexOf(schema);
  const wanted = plain(name);
  const known = bySpelling.get(wanted);
  if (known !== undefined) return `write ${whereTo(known, parent)}`;
  const near = closest(
    name,
    siblings.map(([key]) => key),
  );
  if (near !== undefined) return `did you mean ${near}?`;

  const elsewhere = byLastWord.get(wanted) ?? [];
  if (elsewhere.length === 1) return `it belongs below another section: ${elsewhere[0]}`;
  if (elsewhere.length > 1) return `did you mean ${elsewhere.join(" or ")}?`;
  const keys = siblings.map(([key]) => key).join(", ");
  return keys === "" ? "delete it" : `known here: ${printable(keys, 200)}`;
}

// ---

interface Index {
  /** A key or its variable, spelled plainly → the key. */
  readonly bySpelling: ReadonlyMap<string, string>;
  /** The last word of a key, spelled plainly → the keys that end with it. */
  readonly byLastWord: ReadonlyMap<string, readonly string[]>;
}

const indexes = new WeakMap<Section, Index>();

function indexOf(schema: Section): Index {
  let index = indexes.get(schema);
  if (index === undefined) indexes.set(schema, (index = createIndex(schema)));
  return index;
}

function createIndex(schema: Section): Index {
  const bySpelling = new Map<string, string>();
  const byLastWord = new Map<string, string[]>();
  for (const [key, node] of settableKeys(schema)) {
    const variable = variableName(key, node).replace(/^GIGASTT_/, "");
    for (const spelling of [plain(key), plain(variable)]) {
      if (!bySpelling.has(spelling)) bySpelling.set(spelling, key);
    }
    const word = plain(key.slice(key.lastIndexOf(".") + 1));
    byLastWord.set(word, [...(byLastWord.get(word) ?? []), key]);
  }
  return { bySpelling, byLastWord };
}

function whereTo(key: string, parent: readonly string[]): string {
  const prefix = parent.length === 0 ? "" : `${parent.join(".")}.`;
  if (prefix !== "" && key.startsWith(prefix)) return key.slice(prefix.length);
  return `it as ${key}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.\s]/g, "");
}
