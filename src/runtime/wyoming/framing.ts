import { isObject } from "../../shared/text/json-object.ts";
import { WireError } from "../../shared/errors.ts";

/** An event of the Wyoming protocol: header line, data, and payload bytes that are handed on apart. */
export interface WyomingEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventReader {
  /** Takes bytes in any split. Throws a WireError when they are not the protocol; then nothing more may be pushed. */
  push(bytes: Uint8Array): void;
}

export interface EventReaderOptions {
  /** Called when header and data are complete, before the payload. */
  readonly onEvent: (event: WyomingEvent) => void;
  /** A piece of the payload of the last event. Borrowed. */
  readonly onPayload: (bytes: Uint8Array) => void;
}

/** The reference reader's own limit. */
const MAX_LINE_BYTES = 64 * 1024;
/** Lists of names of a large home have some ten thousand characters. */
const MAX_DATA_BYTES = 256 * 1024;

/**
 * Reads events. A payload is never kept: it is passed on as it arrives, so that its announced length may be anything. What is kept is one
 * header line or one data block.
 */
export function createEventReader({ onEvent, onPayload }: EventReaderOptions): EventReader {
  let kept: Uint8Array = new Uint8Array(0);
  let keptBytes = 0;
  let header: Header | undefined;
  let payloadLeft = 0;

  const keep = (bytes: Uint8Array, mostBytes: number): void => {
    const needed = keptBytes + bytes.length;
    if (needed > mostBytes) throw bad(`a header line has at most ${MAX_LINE_BYTES} bytes`);
    if (needed > kept.length) {
      const grown = new Uint8Array(Math.min(mostBytes, Math.max(256, needed * 2)));
      grown.set(kept.subarray(0, keptBytes));
      kept = grown;
    }
    kept.set(bytes, keptBytes);
    keptBytes = needed;
  };
  const takeKept = (): Uint8Array => {
    const taken = kept.subarray(0, keptBytes);
    kept = new Uint8Array(0);
    keptBytes = 0;
    return taken;
  };
  const finish = (ready: Header, data: Readonly<Record<string, unknown>>): void => {
    header = undefined;
    payloadLeft = ready.payloadBytes;
    onEvent({ type: ready.type, data: { ...ready.data, ...data } });
  };

  const readLine = (bytes: Uint8Array): number => {
    const end = bytes.indexOf(NEWLINE);
    keep(end === -1 ? bytes : bytes.subarray(0, end), MAX_LINE_BYTES);
    if (end === -1) return bytes.length;
    header = parseHeader(takeKept());
    if (header.dataBytes === 0) finish(header, {});
    return end + 1;
  };
  const readData = (bytes: Uint8Array, pending: Header): number => {
    const part = bytes.subarray(0, pending.dataBytes - keptBytes);
    keep(part, pending.dataBytes);
    if (keptBytes === pending.dataBytes) finish(pending, parseObject(takeKept(), "the data of an event"));
    return part.length;
  };
  const readPayload = (bytes: Uint8Array): number => {
    const part = bytes.subarray(0, payloadLeft);
    payloadLeft -= part.length;
    onPayload(part);
    return part.length;
  };

  return {
    push: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const rest = bytes.subarray(at);
        if (payloadLeft > 0) at += readPayload(rest);
        else if (header !== undefined) at += readData(rest, header);
        else at += readLine(rest);
      }
    },
  };
}

/** Returns an event as it goes over the wire. */
export function encodeEvent(type: string, data: Readonly<Record<string, unknown>> = {}): Uint8Array {
  const body = Object.keys(data).length === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify(data));
  const header = { type, version: WYOMING_VERSION, ...(body.length === 0 ? {} : { data_length: body.length }) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
}

// ---

/** The version of the protocol's reference implementation that this one was written after. */
const WYOMING_VERSION = "1.10.2";
const NEWLINE = 0x0a;

interface Header {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly dataBytes: number;
  readonly payloadBytes: number;
}

function parseHeader(line: Uint8Array): Header {
  const { type, data, data_length: dataBytes, payload_length: payloadBytes } = parseObject(line, "a header line");
  if (typeof type !== "string") throw bad("a header line needs a type");
  const header = {
    type,
    data: isObject(data) ? data : {},
    dataBytes: lengthOf(dataBytes, "data_length"),
    payloadBytes: lengthOf(payloadBytes, "payload_length"),
  };
  if (header.dataBytes > MAX_DATA_BYTES) throw bad(`data_length is at most ${MAX_DATA_BYTES}`);
  return header;
}

/** Absent and null mean none. */
function lengthOf(value: unknown, name: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw bad(`${name} must be a whole number from 0`);
  return value;
}

function parseObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    throw bad(`${what} is not JSON`);
  }
  if (!isObject(value)) throw bad(`${what} must be a JSON object`);
  return value;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function bad(message: string): WireError {
  return new WireError("bad_request", `not the Wyoming protocol: ${message}`);
}
