import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { connectionOf } from "../../shared/outside/client.ts";
import type { LiveContext } from "./context.ts";
import { setInterval, setTimeout } from "../../shared/time/timers.ts";

/** What became of a request that was sent a byte at a time. */
export interface Dripped {
  /** Set when it was still awaited at the end. */
  readonly openAfterMs: number | undefined;
  /** When the connection ended or an answer came. */
  readonly cutAfterMs: number;
  /** Status of the answer, when one came. */
  readonly answer: number | undefined;
}

export interface DripOptions {
  /** Sent at once. */
  readonly head: string;
  readonly forMs: number;
  readonly clientCertificate?: boolean;
}

const PAUSE_MS = 1000;

/** Sends a head, then a byte a second, until an answer, an end, or the time is up. Rejects when no connection comes about. */
export async function drip(live: LiveContext, options: DripOptions): Promise<Dripped> {
  live.spend();
  const { url, signal } = live.target;
  const connection = connectionOf(live.target, url, options.clientCertificate !== true);
  return new Promise((resolve, reject) => {
    const { host, port, lookup, servername, ca, cert, key } = connection;
    const at = { host: host ?? "", port: Number(port), lookup };
    let startedMs = performance.now();
    let connected = false;
    const socket: Socket =
      url.protocol === "https:"
        ? connectTls({ ...at, servername, ca, cert, key, rejectUnauthorized: false })
        : connectPlain(at);
    const finish = (settle: () => void): void => {
      clearInterval(pulse);
      clearTimeout(end);
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      settle();
    };
    const over = (answer: number | undefined): void =>
      finish(() => resolve({ openAfterMs: undefined, cutAfterMs: performance.now() - startedMs, answer }));
    const aborted = (): void => finish(() => reject(new Error("the time of this run is over")));
    const pulse = setInterval(() => connected && socket.write("a"), PAUSE_MS);
    const end = setTimeout(
      () =>
        finish(() =>
          connected
            ? resolve({ openAfterMs: performance.now() - startedMs, cutAfterMs: 0, answer: undefined })
            : reject(new Error("no connection")),
        ),
      options.forMs,
    );
    signal.addEventListener("abort", aborted, { once: true });
    socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
      connected = true;
      startedMs = performance.now();
      socket.write(options.head);
    });
    socket.once("data", (chunk: Buffer) => {
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(chunk.subarray(0, 32).toString("latin1"))?.[1];
      over(status === undefined ? undefined : Number(status));
    });
    // `error` stays: a reset after the end must not be an uncaught event.
    socket.on("error", (error) => (connected ? over(undefined) : finish(() => reject(error))));
    socket.once("close", () => (connected ? over(undefined) : finish(() => reject(new Error("no connection")))));
  });
}
