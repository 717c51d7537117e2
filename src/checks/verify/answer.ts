/** Returns a member of a JSON object; undefined when the text is not one. */
export function field(body: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns an answer in one line: the server's own message when it has one. */
export function firstLine(body: string): string {
  const error = field(body, "error");
  const text = typeof error === "string" ? error : (body.split("\n")[0] ?? "");
  return text === "" ? "an empty answer" : text.slice(0, 120);
}
