import { once } from "node:events";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";

export type Message = Record<string, unknown> & { type: string };

/** A WebSocket client that keeps what it received and lets a test wait for the next message. */
export interface WsClient {
  readonly socket: WebSocket;
  readonly received: Message[];
  send(message: object | string): void;
  audio(bytes: Uint8Array): void;
  /** The next message not yet taken; rejects when the socket closes first. */
  next(): Promise<Message>;
  /** Skips messages until one of this type. */
  nextOf(type: string): Promise<Message>;
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

export async function connect(url: string, options: ClientOptions = {}): Promise<WsClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const received: Message[] = [];
  let taken = 0;
  let wake = (): void => {};
  let over = false;
  socket.on("message", (data: Buffer) => {
    received.push(JSON.parse(data.toString()) as Message); // the server's own JSON
    wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      over = true;
      wake();
      resolve({ code, reason: reason.toString() });
    });
  });
  await once(socket, "open");
  socket.on("error", () => {});
  const next = async (): Promise<Message> => {
    while (taken === received.length) {
      if (over) throw new Error(`closed before the next message; received ${JSON.stringify(received)}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return received[taken++]!; // just checked
  };
  return {
    socket,
    received,
    closed,
    next,
    nextOf: async (type) => {
      for (;;) {
        const message = await next();
        if (message.type === type) return message;
      }
    },
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    audio: (bytes) => socket.send(bytes),
  };
}
