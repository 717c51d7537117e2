import type { Message } from "./dialect.ts";

/** What a session needs of its socket. */
export interface SessionPeer {
  send(message: Message): void;
  /** Bytes handed to the socket that its client has not taken yet. */
  readonly bufferedBytes: number;
  close(code: number, reason: string): void;
  /** Cuts the connection without a Close. */
  terminate(): void;
  pause(): void;
  resume(): void;
  ping(): void;
}
