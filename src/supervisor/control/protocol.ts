/**
 * The control socket: one JSON object per line, both ways, on a Unix socket that only the owner can open.
 * `docs/reference/supervisor.md` documents it; a request is answered by any number of events and one result.
 */
export interface ControlRequest {
  /** Chosen by the client, echoed in every answer. */
  readonly id: number;
  readonly cmd: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export type ControlAnswer =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ControlFailure };

export interface ControlFailure {
  readonly code: string;
  readonly message: string;
}

/** Requests are small; longer lines come from another program. */
export const MAX_REQUEST_BYTES: number = 64 * 1024;

/** Checks one line from a client. */
export function parseRequest(line: string): ControlRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const id: unknown = Reflect.get(value, "id");
  const cmd: unknown = Reflect.get(value, "cmd");
  const args: unknown = Reflect.get(value, "args");
  if (typeof id !== "number" || !Number.isSafeInteger(id) || typeof cmd !== "string") return undefined;
  if (args === undefined) return { id, cmd };
  if (typeof args !== "object" || args === null || Array.isArray(args)) return undefined;
  return { id, cmd, args: Object.fromEntries(Object.entries(args)) };
}
