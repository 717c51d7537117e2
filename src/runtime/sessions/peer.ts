import type { Socket } from "node:net";
import type { Message } from "./dialect.ts";

/** What a session needs of its socket. */
export interface SessionPeer {
  send(message: Message): void;
  /** Bytes handed to the socket that its client has not taken yet. */
  readonly bufferedBytes: number;
  /** Bytes that the network has taken so far: it stands still while the client reads nothing. */
  readonly takenBytes: number;
  close(code: number, reason: string): void;
  /** Cuts the connection without a Close. */
  terminate(): void;
  pause(): void;
  resume(): void;
  ping(): void;
}

/** Returns `takenBytes` of a socket: what was written without what still waits in it. */
export function takenBytesOf({ bytesWritten, writableLength }: Socket): number {
  return bytesWritten - writableLength;
}
