import { createConnection } from "node:net";
import { errorCodeOf, GigasttError, messageOf } from "../../shared/errors.ts";

export interface ControlCall {
  readonly socket: string;
  readonly cmd: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly onEvent?: (event: unknown) => void;
  /** Longest silence from the supervisor. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends one command to the running supervisor and resolves with its result.
 * Throws `GST_NOT_RUNNING` when no supervisor listens, `GST_CONTROL_TIMEOUT` when it does not answer, else the supervisor's own error.
 */
export function callControl(call: ControlCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(call.socket);
    socket.setEncoding("utf8");
    let buffered = "";
    const finish = (act: () => void): void => {
      call.signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      act();
    };
    const fail = (error: GigasttError): void => finish(() => reject(error));
    const onAbort = (): void => fail(new GigasttError("GST_INTERRUPTED", "interrupted"));
    call.signal?.addEventListener("abort", onAbort);
    socket.setTimeout(call.timeoutMs, () =>
      fail(
        new GigasttError(
          "GST_CONTROL_TIMEOUT",
          `the supervisor did not answer within ${call.timeoutMs} ms: it may be stopped or overloaded. Look at it with "ps", then "gigastt down --now"`,
        ),
      ),
    );
    socket.on("error", (error) => fail(connectError(error, call.socket)));
    socket.on("close", () => fail(new GigasttError("GST_CONTROL_CLOSED", "the supervisor ended before it answered")));
    socket.on("connect", () => socket.write(`${JSON.stringify({ id: 1, cmd: call.cmd, args: call.args })}\n`));
    socket.on("data", (chunk: string) => {
      buffered += chunk;
      const lines = buffered.split("\n");
      buffered = lines.pop() ?? "";
      for (const line of lines) {
        const answer = parseAnswer(line);
        if (answer === undefined) return fail(notOurs(call.socket));
        if ("event" in answer) call.onEvent?.(answer.event);
        else if ("ok" in answer && answer.ok === true) finish(() => resolve(Reflect.get(answer, "result")));
        else fail(answeredError(Reflect.get(answer, "error")));
      }
    });
  });
}

// ---

function parseAnswer(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function notOurs(socket: string): GigasttError {
  return new GigasttError(
    "GST_CONTROL",
    `what answers at ${socket} is not a gigastt supervisor; identify it with "ss -xlp", or set supervisor.stateDir`,
  );
}

function connectError(error: Error, path: string): GigasttError {
  const code = errorCodeOf(error);
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new GigasttError("GST_NOT_RUNNING", `gigastt is not running (looked at ${path}). Start it:\n  gigastt up`, {
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new GigasttError(
      "GST_CONTROL_DENIED",
      "the supervisor belongs to another user: run the same command with sudo, or as that user",
      { cause: error },
    );
  }
  return new GigasttError("GST_CONTROL", `the supervisor cannot be reached: ${messageOf(error)}`, { cause: error });
}

function answeredError(value: unknown): GigasttError {
  const field = (key: string): string | undefined => {
    const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
    return typeof found === "string" ? found : undefined;
  };
  return new GigasttError(
    field("code") ?? "GST_INTERNAL",
    field("message") ?? "the supervisor reported an error without a message",
  );
}
