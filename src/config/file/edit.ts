import { parseDocument } from "yaml";

/** Returns the text of a configuration with some dotted keys set; comments and layout stay. Sections that are missing are added at the end. */
export function setConfigValues(text: string, values: Readonly<Record<string, string | number | boolean>>): string {
  const document = parseDocument(text);
  for (const [key, value] of Object.entries(values)) document.setIn(key.split("."), value);
  return document.toString({ lineWidth: 0, flowCollectionPadding: /[[{] /.test(text) });
}
