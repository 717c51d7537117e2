import type { FromRuntime, ToRuntime } from "../../shared/process/messages.ts";

/** The supervisor at the other end of the IPC channel. */
export interface ControlChannel {
  send(message: FromRuntime): void;
  onMessage(listener: (message: ToRuntime) => void): void;
  /** The supervisor is gone. */
  onDisconnect(listener: () => void): void;
  /** Closes the channel: it would keep the process alive. */
  close(): void;
}

/** What of `process` the channel needs. */
export interface IpcProcess {
  readonly connected?: boolean;
  send?(message: unknown, handle: undefined, options: undefined, callback: (error: Error | null) => void): boolean;
  disconnect?(): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

const TYPES: ReadonlySet<unknown> = new Set<ToRuntime["type"]>([
  "start",
  "reload",
  "drain",
  "probe",
  "supervisor",
  "answered",
]);

/** The IPC channel of a supervised child. Messages of unknown type are ignored on both sides. */
export function createControlChannel(ipc: IpcProcess): ControlChannel {
  return {
    send: (message) => {
      // A channel that broke a moment ago is reported by `disconnect`; the callback keeps the error from becoming an event of its own.
      if (ipc.connected === true) ipc.send?.(message, undefined, undefined, () => {});
    },
    onMessage: (listener) => {
      ipc.on("message", (message) => {
        if (isToRuntime(message)) listener(message);
      });
    },
    onDisconnect: (listener) => void ipc.on("disconnect", listener),
    close: () => {
      if (ipc.connected === true) ipc.disconnect?.();
    },
  };
}

function isToRuntime(message: unknown): message is ToRuntime {
  return typeof message === "object" && message !== null && "type" in message && TYPES.has(message.type);
}
