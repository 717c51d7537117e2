import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Turns } from "../../../shared/time/turns.ts";
import type { WaitingTurns } from "./client-share.ts";

/** What a connection does with one request, upgrade or parse error once every earlier answer is closed. */
export interface Turn {
  /** Absent for bytes that are not a request. */
  readonly req?: IncomingMessage;
  /**
   * Starts it. Returns the answer whose end starts the next turn, `open` when the next turn may start at once, or `taken` when the socket
   * belongs to this turn from now on (a WebSocket, a last error).
   */
  run(): ServerResponse | "open" | "taken";
  /** Nothing behind it is taken. */
  readonly isLast?: boolean;
  /** An upgrade or CONNECT: Node's parser has let go of the socket. */
  readonly isDetached?: boolean;
}

/** One client connection: a queue of turns. */
export interface Connection {
  readonly socket: Socket;
  /** Runs the turn when every earlier answer is closed; drops it when one of them closes the connection. */
  take(turn: Turn): void;
  /** The newest request that was taken, running or waiting. */
  readonly newest: IncomingMessage | undefined;
  /** The answer that is being made. */
  readonly answer: ServerResponse | undefined;
}

/** Reading stops while so many turns of a connection wait. */
const READ_AHEAD = 16;

const scope = new AsyncLocalStorage<Connection>();

/** Returns the connection on whose behalf the running code was started; the handler of uncaught exceptions may ask too. */
export function currentConnection(): Connection | undefined {
  return scope.getStore();
}

/** Runs the action, and everything asynchronous that it starts, on behalf of the connection. */
export function onBehalfOf<T>(connection: Connection, action: () => T): T {
  return scope.run(connection, action);
}

/**
 * Puts a connection's requests, upgrades and parse errors in a queue. Node reports them while earlier answers are unfinished, and also
 * behind an answer with `Connection: close`; acting on them at once mixes answers up or ends the process with an assertion inside Node.
 *
 * @param pipelined starts the waiting turns of all connections
 */
export function createConnection(socket: Socket, ofClient: WaitingTurns, pipelined: Turns): Connection {
  const waiting: Turn[] = [];
  let running: ServerResponse | "open" | "taken" = "open";
  let newest: IncomingMessage | undefined;
  let isComplete = false;

  const start = (turn: Turn): void => {
    // The previous answer's limit for slow readers, or Node's keep-alive limit, may still be set.
    socket.setTimeout(0);
    running = turn.run();
    if (typeof running === "object") running.once("close", next);
  };
  const next = (): void => {
    // Node ends or destroys the socket as soon as a closing answer is written.
    if (socket.destroyed || socket.writableEnded) return finish();
    // In a later round of the event loop: other connections get their share, and Node is done with the previous request's streams.
    if (waiting.length > 0) pipelined.ask(() => scope.run(connection, startNext));
    else running = "open";
  };
  const startNext = (): void => {
    const turn = waiting.shift();
    if (turn === undefined) return finish();
    ofClient.remove(1);
    if (socket.destroyed) return finish();
    if (waiting.length === READ_AHEAD - 1) socket.off("resume", stopReading).resume();
    if (turn.isDetached !== true) return start(turn);
    socket.off("drain", passDrainOn).off("readable", ignore);
    // The stream leaves its readable mode in a tick of its own.
    setImmediate(() => {
      socket.off("error", ignore);
      if (!socket.destroyed) start(turn);
    });
  };
  const finish = (): void => {
    running = "taken";
    isComplete = true;
    ofClient.remove(waiting.splice(0).length);
  };
  const passDrainOn = (): void => {
    if (typeof running === "object") running.emit("drain");
  };

  /** Node's request streams resume the socket for reasons of their own; this listener must come behind Node's to undo that. */
  const stopReading = (): void => {
    socket.off("resume", stopReading).on("resume", stopReading).pause();
  };
  socket.once("close", finish);

  const connection: Connection = {
    socket,
    take: (turn) => {
      if (isComplete) return;
      newest = turn.req ?? newest;
      isComplete = turn.isLast === true;
      if (running === "open") return start(turn);
      waiting.push(turn);
      ofClient.add();
      if (waiting.length >= READ_AHEAD) stopReading();
      // Node removed its own listeners. A listener for "readable" keeps what arrives in the socket's buffer, even when the socket is resumed.
      if (turn.isDetached === true) socket.on("error", ignore).on("drain", passDrainOn).on("readable", ignore);
    },
    get newest() {
      return newest;
    },
    get answer() {
      return typeof running === "object" ? running : undefined;
    },
  };
  return connection;
}

function ignore(): void {}
