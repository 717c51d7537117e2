import type { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import type { Dialect, Message } from "./dialect.ts";
import type { Timers } from "../../shared/time/timers.ts";
import type { SessionPeer } from "./peer.ts";

/** Messages to the client, bounded by how much it has not read and by how long it reads nothing. */
export interface Sender {
  send(...messages: readonly Message[]): void;
  /** @param messages how the protocol says it; default: as its `failed` */
  sendError(error: WireError, messages?: readonly Message[]): void;
  /** Calls `onUnread` when the client has left too much unread; pongs, which the library sends, count too. */
  check(): void;
  /** Code of the last error sent. */
  readonly lastError: string | undefined;
  /** Nothing is sent any more. */
  close(): void;
}

export function createSender(
  peer: SessionPeer,
  dialect: Pick<Dialect, "failed">,
  { settings, metrics, timing }: Pick<RuntimeContext, "settings" | "metrics" | "timing">,
  timers: Timers,
  onUnread: () => void,
): Sender {
  let isOpen = true;
  let lastError: string | undefined;
  let isWatched = false;

  const giveUp = (): void => {
    lastError = "policy_violation";
    onUnread();
  };
  const check = (): void => {
    if (!isOpen || peer.bufferedBytes === 0) return;
    if (peer.bufferedBytes > settings.current.limits.wsOutgoingBytes) return giveUp();
    if (!isWatched) watch();
  };
  /** While something is unread the client must take some of it now and then. */
  const watch = (): void => {
    isWatched = true;
    const { takenBytes } = peer;
    timers.after(timing.slowReaderMs, () => {
      isWatched = false;
      if (!isOpen || peer.bufferedBytes === 0) return;
      if (peer.takenBytes === takenBytes) giveUp();
      else watch();
    });
  };
  const send = (...messages: readonly Message[]): void => {
    if (!isOpen) return;
    for (const message of messages) peer.send(message);
    check();
  };
  return {
    send,
    sendError: (error, messages = dialect.failed(error)) => {
      lastError = error.wireCode;
      metrics.error(error.wireCode);
      send(...messages);
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
