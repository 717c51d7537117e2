import type { OutsideTarget } from "../../../shared/outside/client.ts";

/** What is verified, and what it must do. */
export interface VerifyTarget extends OutsideTarget {
  /** Nobody is asked for a password on purpose. */
  readonly open: boolean;
  /** The largest body that must pass, bytes; one more must be refused. */
  readonly bodyBytes: number;
}

/** One line of the report. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** Only over HTTPS. */
  readonly tls?: true;
  /** Returns what was seen; throws one sentence with the cure when it is not as it must be. */
  readonly run: (target: VerifyTarget) => Promise<string>;
}

/** A member of a JSON object; undefined when the text is not one. */
export function field(body: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
}

/** What an answer says in one line: the server's own message when it has one. */
export function firstLine(body: string): string {
  const error = field(body, "error");
  return (typeof error === "string" ? error : body.split("\n")[0]!).slice(0, 120);
}
