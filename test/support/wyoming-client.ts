import { connect } from "node:net";
import type { Socket } from "node:net";
import { createEventReader, encodeEvent } from "../../src/runtime/wyoming/framing.ts";
import type { WyomingEvent } from "../../src/runtime/wyoming/framing.ts";

/** A Wyoming connection of a test. */
export interface WyomingClient {
  readonly socket: Socket;
  /** What the server sent so far. */
  readonly events: readonly WyomingEvent[];
  send(type: string, data?: Readonly<Record<string, unknown>>): void;
  chunk(payload: Uint8Array, data?: Readonly<Record<string, unknown>>): void;
  /** Resolves with the first event of this type, also one that has come; rejects when the connection ends without. */
  wait(type: string): Promise<WyomingEvent>;
  /** Resolves when the server has closed its side. */
  readonly ended: Promise<void>;
}

export const SHAPE = { rate: 16_000, width: 2, channels: 1 };

export function chunkBytes(payload: Uint8Array, data: Readonly<Record<string, unknown>> = SHAPE): Buffer {
  const body = Buffer.from(JSON.stringify(data));
  const header = { type: "audio-chunk", data_length: body.length, payload_length: payload.length };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, payload]);
}

export async function openWyoming(place: { port: number } | { path: string }): Promise<WyomingClient> {
  const socket = connect({ ...place, ...("port" in place ? { host: "127.0.0.1" } : {}), allowHalfOpen: true });
  const events: WyomingEvent[] = [];
  let onChange = (): void => {};
  let isOver = false;
  const reader = createEventReader({
    onEvent: (event) => {
      events.push(event);
      onChange();
    },
    onPayload: () => {},
  });
  socket.on("data", (bytes) => reader.push(bytes));
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      resolve();
      onChange();
    };
    socket.once("end", end).once("close", end);
  });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return {
    socket,
    events,
    send: (type, data = {}) => void socket.write(encodeEvent(type, data)),
    chunk: (payload, data) => void socket.write(chunkBytes(payload, data)),
    wait: (type) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find((event) => event.type === type);
          if (found !== undefined) resolve(found);
          else if (isOver) reject(new Error(`no ${type}, only ${events.map((event) => event.type).join(", ")}`));
        };
        const before = onChange;
        onChange = () => {
          before();
          look();
        };
        look();
      }),
    ended,
  };
}

/** Sound for the fake engine, which says a number word for each half second of it. Signed 16-bit mono. */
export function sound(seconds: number, rate = 16_000): Buffer {
  const samples = new Int16Array(Math.round(seconds * rate));
  let noise = 1;
  for (let at = 0; at < samples.length; at++) {
    noise = (noise * 1_103_515_245 + 12_345) % 2 ** 31;
    samples[at] = 16_000 * (noise / 2 ** 31 - 0.5);
  }
  return Buffer.from(samples.buffer);
}

export function silence(seconds: number, rate = 16_000): Buffer {
  return Buffer.alloc(Math.round(seconds * rate) * 2);
}
