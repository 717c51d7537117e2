import { NoAnswerError, type Answer, type AskOptions } from "../../shared/outside/client.ts";
import { printable } from "../../shared/text/printable.ts";
import { NotCheckedError, type Problem } from "../../audit/observe/verdict.ts";
import type { LiveContext } from "./context.ts";

/** A name that cannot exist (RFC 2606). */
export const FOREIGN_NAME = "gigastt-audit.invalid";
export const FOREIGN_ORIGIN: string = `https://${FOREIGN_NAME}`;

/** A request without credentials; undefined when the other side wants a certificate and ends the handshake itself. */
export async function askAnonymously(
  live: LiveContext,
  path: string,
  options: AskOptions = {},
): Promise<Answer | undefined> {
  try {
    return await live.ask(path, { ...options, anonymous: true });
  } catch (error) {
    if (live.target.clientCertificate === undefined) throw error;
    return refusedAloud(live)(error);
  }
}

/** For `catch`: a connection that the other side refused is an answer, what this run did not ask is none. */
export function refused(live: LiveContext): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof NotCheckedError || live.target.signal.aborted) throw error;
    return undefined;
  };
}

/** Like {@link refused}, where silence proves nothing either. */
export function refusedAloud(live: LiveContext): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof NoAnswerError) throw error;
    return refused(live)(error);
  };
}

/** One problem, with its exchange as evidence. */
export function problem(
  live: LiveContext,
  request: string,
  answer: string,
  more: Pick<Problem, "message" | "fix"> & Partial<Problem>,
): Problem {
  const path = /^\S+ (\/[^\s,]*)/.exec(request)?.[1] ?? "";
  return { place: live.at(path), evidence: `${request} → ${printable(answer, 120)}`, ...more };
}

/** True when an answer of this status and body came from our server, not from a proxy in front of it. */
export function isOurs(answer: Answer): boolean {
  if (answer.status === 200) return true;
  try {
    const value: unknown = JSON.parse(answer.body);
    if (typeof value !== "object" || value === null || !("error" in value)) return false;
    // The OpenAI routes have their error object one level down.
    const { error } = value;
    return "code" in value || (typeof error === "object" && error !== null && "code" in error && "param" in error);
  } catch {
    return false;
  }
}

/** Whether requests without credentials must be refused: what is declared, else what the server does. */
export function wantsCredentials(live: LiveContext): boolean | undefined {
  if (live.open) return false;
  const kind = live.assume.text("deploy.auth.kind");
  if (kind !== undefined) return kind !== "none";
  if (live.target.authorization !== undefined || live.target.clientCertificate !== undefined) return true;
  return undefined;
}

/** Every value of a header, as the answer carried it. */
export function valuesOf(answer: Answer, name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2)
    if (answer.rawHeaders[i]?.toLowerCase() === name) values.push(answer.rawHeaders[i + 1] ?? "");
  return values;
}

/** True for the answers of a proxy that asks for credentials. */
export function asksForCredentials(answer: Answer): boolean {
  return answer.status === 401 || (answer.status === 403 && !isOurs(answer));
}
