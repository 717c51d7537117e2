import type { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import { errorBody } from "../http/error-forms.ts";
import type { SessionPeer } from "./peer.ts";

/** Messages to the client, bounded by what it has not read. */
export interface Sender {
  send(message: object): void;
  sendError(error: WireError): void;
  /** Calls `onUnread` when the client has left too much unread; pongs, which the library sends, count too. */
  check(): void;
  /** Code of the last error sent. */
  readonly lastError: string | undefined;
  /** Nothing is sent any more. */
  close(): void;
}

export function createSender(peer: SessionPeer, { settings, metrics }: RuntimeContext, onUnread: () => void): Sender {
  let isOpen = true;
  let lastError: string | undefined;

  const check = (): void => {
    if (!isOpen || peer.bufferedBytes <= settings.current.limits.wsOutgoingBytes) return;
    lastError = "policy_violation";
    onUnread();
  };
  const send = (message: object): void => {
    if (!isOpen) return;
    peer.send(JSON.stringify(message));
    check();
  };
  return {
    send,
    sendError: (error) => {
      lastError = error.wireCode;
      metrics.error(error.wireCode);
      const { error: message, ...rest } = errorBody(error);
      send({ type: "error", message, ...rest });
    },
    check,
    get lastError() {
      return lastError;
    },
    close: () => {
      isOpen = false;
    },
  };
}
