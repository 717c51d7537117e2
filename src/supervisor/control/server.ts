import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { MAX_REQUEST_BYTES, parseRequest } from "./protocol.ts";
import type { ControlAnswer, ControlRequest } from "./protocol.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** Answers one command. Events go to the asking client only; `signal` aborts when that client is gone. */
export type ControlHandler = (
  request: ControlRequest,
  io: { readonly event: (event: unknown) => void; readonly signal: AbortSignal },
) => Promise<unknown>;

export interface ControlServer {
  close(): Promise<void>;
}

const MAX_CLIENTS = 32;
/** An idle client is disconnected. */
const IDLE_MS = 60_000;
/** A client that does not read its answers is disconnected. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Opens the control socket with mode 0600. The state directory must be claimed: a left-over socket file is removed. */
export async function openControlServer(path: string, handler: ControlHandler): Promise<ControlServer> {
  // A Map keeps insertion order: its first entries are the oldest clients.
  const clients = new Map<Socket, ControlClient>();
  const server = createServer((socket) => {
    if (clients.size >= MAX_CLIENTS) {
      // A new client has a request. An idle one makes room for it; when none is idle, the new one gets GST_CONTROL_BUSY.
      const silent = [...clients].find(([, client]) => !client.isServed());
      if (silent === undefined) {
        socket.on("error", () => {});
        socket.end(answerLine(TOO_MANY), () => socket.destroy());
        return;
      }
      clients.delete(silent[0]);
      silent[0].destroy();
    }
    clients.set(socket, serveClient(socket, handler));
    socket.once("close", () => clients.delete(socket));
  });
  await rm(path, { force: true });
  // Between bind and chmod the directory's mode 0700 protects the socket.
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new GigasttError("GST_CONTROL", `the control socket ${path} cannot be opened: ${messageOf(error)}`, {
          cause: error,
        }),
      ),
    );
    server.listen(path, resolve);
  });
  // Out of descriptors: the client is not accepted, the next one may be.
  server.on("error", () => {});
  await chmod(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients.keys()) client.end();
        // Clients that do not hang up by themselves must not hold our exit.
        setTimeout(() => {
          for (const client of clients.keys()) client.destroy();
        }, 200).unref();
      }),
  };
}

// ---

interface ControlClient {
  /** One of its commands runs. */
  isServed(): boolean;
}

const TOO_MANY: ControlAnswer = {
  id: 0,
  ok: false,
  error: {
    code: "GST_CONTROL_BUSY",
    message: `${MAX_CLIENTS} gigastt commands are running already: wait for them, or end some of them`,
  },
};

function answerLine(message: ControlAnswer): string {
  return `${JSON.stringify(message)}\n`;
}

function serveClient(socket: Socket, handler: ControlHandler): ControlClient {
  const gone = new AbortController();
  let buffered = "";
  let running = 0;
  socket.setEncoding("utf8");
  socket.setTimeout(IDLE_MS, () => {
    if (running === 0) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.once("close", () => gone.abort());

  const answer = (message: ControlAnswer): void => {
    if (socket.destroyed) return;
    socket.write(answerLine(message));
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  };

  const run = async (request: ControlRequest): Promise<void> => {
    const { id } = request;
    running += 1;
    try {
      const result = await handler(request, { event: (event) => answer({ id, event }), signal: gone.signal });
      answer({ id, ok: true, result: result ?? null });
    } catch (error) {
      const code = error instanceof GigasttError ? error.code : "GST_INTERNAL";
      answer({ id, ok: false, error: { code, message: messageOf(error) } });
    } finally {
      running -= 1;
    }
  };

  socket.on("data", (chunk: string) => {
    buffered += chunk;
    if (buffered.length > MAX_REQUEST_BYTES) {
      socket.destroy();
      return;
    }
    const lines = buffered.split("\n");
    buffered = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() === "") continue;
      const request = parseRequest(line);
      if (request === undefined) {
        answer({
          id: 0,
          ok: false,
          error: { code: "GST_CONTROL_REQUEST", message: 'a request is one line of JSON: {"id":1,"cmd":"status"}' },
        });
      } else {
        void run(request);
      }
    }
  });
  return { isServed: () => running > 0 };
}
