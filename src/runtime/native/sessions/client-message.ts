/** What a client's text frame says. Unknown fields are ignored; anything else is `unknown`. */
export type ClientMessage =
  | { readonly kind: "configure"; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: "stop" }
  | { readonly kind: "unknown" };

export function parseClientMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "unknown" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || !("type" in value))
    return { kind: "unknown" };
  if (value.type === "stop") return { kind: "stop" };
  if (value.type === "configure") return { kind: "configure", fields: { ...value } };
  return { kind: "unknown" };
}
