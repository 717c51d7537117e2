import { connect } from "node:net";
import type { Socket } from "node:net";

/** A bare TCP connection: for requests that no client library would send. */
export interface RawClient {
  readonly socket: Socket;
  write(data: string | Uint8Array): void;
  /** Everything received so far. */
  readonly text: string;
  /** Resolves when the received text matches. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with everything received when the server closed its side or the connection broke. */
  readonly ended: Promise<string>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function openRaw(port: number, options: { allowHalfOpen?: boolean } = {}): RawClient {
  const socket = connect({ port, host: "127.0.0.1", ...options });
  let text = "";
  let over = false;
  let wake: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const listener of waiting) listener();
  };
  const end = (): void => {
    over = true;
    changed();
  };
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    changed();
  });
  socket.on("end", end);
  socket.on("close", end);
  socket.on("error", () => {});
  const wait = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
  const isOver = (): boolean => over;
  return {
    socket,
    write: (data) => void socket.write(data),
    get text() {
      return text;
    },
    until: async (pattern) => {
      while (!pattern.test(text)) {
        if (isOver())
          throw new Error(`the connection ended before ${String(pattern)}; received ${JSON.stringify(text)}`);
        await wait();
      }
      return text;
    },
    ended: (async () => {
      while (!isOver()) await wait();
      return text;
    })(),
  };
}

/** Sends bytes, waits for the end of the connection, takes the first answer apart. */
export async function sendRaw(port: number, data: string | Uint8Array): Promise<RawAnswer> {
  const client = openRaw(port);
  client.write(data);
  return parseAnswer(await client.ended);
}

export function parseAnswer(text: string): RawAnswer {
  const split = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, split).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: text.slice(split + 4),
  };
}
