import { errorCodeOf, messageOf } from "../../shared/errors.ts";
import type { SupervisorEvent } from "./events.ts";

/**
 * An event as a line of `supervisor.log`, in the same shape as the runtime's lines. Made by hand: a logging library
 * would cost the supervisor more memory than its whole state.
 */
export function eventLine(event: SupervisorEvent, nowMs: number): string {
  const { level, event: name, ...fields } = event;
  return JSON.stringify(
    { level, time: new Date(nowMs).toISOString(), event: name, ...fields },
    (_key, value: unknown) =>
      value instanceof Error ? { message: messageOf(value), code: errorCodeOf(value) } : value,
  );
}
