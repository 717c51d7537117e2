import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/audit/${name}`, import.meta.url));

/** What the OASIS schema (SARIF 2.1.0, errata 01) has against a log; empty when it is valid. */
export function sarifErrors(log: unknown): readonly string[] {
  // Draft 4: its `id` is `$id` today; nothing else in this schema changed its meaning since.
  const {
    $schema: _,
    id,
    ...schema
  } = JSON.parse(readFileSync(fixture("sarif-schema-2.1.0.json"), "utf8")) as Record<string, unknown>; // our copy
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  ajv.addFormat("uri", (text: string) => URL.canParse(text));
  ajv.addFormat("uri-reference", /^[^\s\\<>"{}|^`]*$/);
  ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/);
  const validate = ajv.compile({ ...schema, $id: String(id) });
  return validate(log) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ""}`);
}

/** Whether xmllint is there to read JUnit with. */
export const hasXmllint: boolean = spawnSync("xmllint", ["--version"]).status === 0;

/** What the JUnit schema of Jenkins has against a report; empty when it is valid. */
export function junitErrors(xml: string): string {
  const result = spawnSync("xmllint", ["--nonet", "--noout", "--schema", fixture("junit.xsd"), "-"], {
    input: xml,
    encoding: "utf8",
  });
  return result.status === 0 ? "" : result.stderr;
}

export interface WorkflowCommand {
  readonly command: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** One line of output as the Actions runner takes it (ActionCommand.TryParseV2); undefined when it is ordinary text to it. */
export function readWorkflowCommand(line: string): WorkflowCommand | undefined {
  const text = line.trimStart();
  const end = text.indexOf("::", 2);
  if (!text.startsWith("::") || end === -1) return undefined;
  const info = text.slice(2, end);
  const space = info.indexOf(" ");
  const properties: Record<string, string> = {};
  for (const part of space === -1
    ? []
    : info
        .slice(space + 1)
        .trim()
        .split(",")) {
    const equals = part.indexOf("=");
    if (equals > 0)
      properties[part.slice(0, equals)] = unescape(part.slice(equals + 1), [
        ["%3A", ":"],
        ["%2C", ","],
      ]);
  }
  return {
    command: space === -1 ? info : info.slice(0, space),
    properties,
    message: unescape(text.slice(end + 2), []),
  };
}

function unescape(text: string, more: readonly (readonly [string, string])[]): string {
  let out = text.replaceAll("%0D", "\r").replaceAll("%0A", "\n");
  for (const [code, plain] of more) out = out.replaceAll(code, plain);
  return out.replaceAll("%25", "%");
}
