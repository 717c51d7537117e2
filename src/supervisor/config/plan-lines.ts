import { printableLine } from "../../shared/text/printable.ts";

const EFFECT_TEXT: Readonly<Record<string, string>> = {
  none: "nothing would change",
  live: "the running service applies it without interruption",
  handover: "a new runtime takes over the socket; sessions of the old one finish or are drained",
  restart: "drain, then start on the new address; connections are refused in between",
  manual: "needs `gigastt down` and `gigastt up`",
};

/** A plan from the control socket, for people. */
export function planLines(plan: unknown): string[] {
  const field = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  const changes = field(plan, "changes");
  const lines = (Array.isArray(changes) ? changes : []).map((change: unknown) =>
    printableLine(
      `  ${String(field(change, "class")).padEnd(8)} ${String(field(change, "key"))}: ${JSON.stringify(field(change, "before"))} → ${JSON.stringify(field(change, "after"))}`,
    ),
  );
  const files = field(plan, "files");
  const proxy = field(plan, "proxy");
  lines.push(...(Array.isArray(files) ? files : []).map((path) => printableLine(`  render   ${String(path)}`)));
  if (typeof proxy === "string") lines.push(`  proxy    ${proxy}`);
  return [...lines, EFFECT_TEXT[String(field(plan, "effect"))] ?? "the running supervisor speaks another version"];
}
