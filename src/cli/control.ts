import { GigasttError } from "../shared/errors.ts";
import { callControl } from "../supervisor/control/client.ts";
import type { ControlCall } from "../supervisor/control/client.ts";
import type { CommandContext } from "./command.ts";
import { findStatePaths } from "./state.ts";

/** Longer than any drain and model load together; the supervisor answers as soon as it is done. */
export const OPERATION_TIMEOUT_MS: number = 60 * 60_000;

/** Runs one operation of the running supervisor and shows its progress; `say` writes nothing with `--json`. */
export async function operate(
  context: CommandContext,
  cmd: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly result: unknown; readonly field: (key: string) => unknown }> {
  const paths = await findStatePaths(context);
  const result = await callSupervisor(context, {
    socket: paths.controlSocket,
    cmd,
    args,
    timeoutMs: OPERATION_TIMEOUT_MS,
    signal: context.signal,
    onEvent: (event) => {
      const text: unknown = typeof event === "object" && event !== null ? Reflect.get(event, "progress") : undefined;
      if (typeof text === "string" && context.flags["json"] !== true) context.stdout.write(`${text}\n`);
    },
  });
  return {
    result,
    field: (key) => (typeof result === "object" && result !== null ? Reflect.get(result, key) : undefined),
  };
}

/** `callControl`, with the commands that help when the installed service does not run or belongs to another user. */
export async function callSupervisor(context: CommandContext, call: ControlCall): Promise<unknown> {
  try {
    return await callControl(call);
  } catch (error) {
    if (!(error instanceof GigasttError) || context.service === undefined) throw error;
    if (error.code !== "GST_NOT_RUNNING") throw error;
    throw new GigasttError(
      error.code,
      `gigastt.service is not running (looked at ${call.socket}). See why, and start it:\n  sudo gigastt logs\n  sudo systemctl restart gigastt`,
      { cause: error },
    );
  }
}

/** `1.4 s` of milliseconds as they came over the socket. */
export function secondsOf(ms: unknown): string {
  return `${Math.round(Number(ms) / 100) / 10} s`;
}
