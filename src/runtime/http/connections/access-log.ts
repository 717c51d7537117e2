import type { IncomingMessage } from "node:http";
import type { LogConfig } from "../../../config/types.ts";
import { isLocalCaller } from "../../access/local-caller.ts";
import type { RuntimeContext } from "../../context.ts";

/** One answered request. No query, no body, no header but the two of the combined format. */
export interface AccessRecord {
  readonly timeMs: number;
  readonly client: string;
  /** Name of the API key. */
  readonly key: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly status: number;
  /** Sent to the client, headers included. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly referer: string;
  readonly userAgent: string;
  readonly requestId: string;
}

/** Writes the line of a request, where `log.access` asks for one. Health checks of this machine itself are left out. */
export function logAccess(
  req: IncomingMessage,
  answer: Pick<AccessRecord, "client" | "key" | "status" | "bytes" | "durationMs" | "requestId">,
  isPolled: boolean,
  { settings, clock, log }: RuntimeContext,
): void {
  const format = settings.current.log.access;
  if (format === "off" || (isPolled && isLocalCaller(req))) return;
  const { headers, method = "", url = "", httpVersion } = req;
  log.line(
    accessLine(format, {
      ...answer,
      timeMs: clock.nowMs(),
      method,
      path: withoutQuery(url),
      protocol: `HTTP/${httpVersion}`,
      referer: withoutQuery(headers.referer ?? ""),
      userAgent: (headers["user-agent"] ?? "").slice(0, LONGEST),
    }),
  );
}

/** Returns one line. The combined format is the one of Apache and nginx, with the key as the user. */
export function accessLine(format: Exclude<LogConfig["access"], "off">, record: AccessRecord): string {
  const { timeMs, client, key, method, path, protocol, status, bytes, durationMs, referer, userAgent } = record;
  if (format === "combined") {
    const quoted = (text: string): string => `"${text === "" ? "-" : escaped(text)}"`;
    const user = key === undefined ? "-" : escaped(key).replaceAll(" ", "\\x20");
    return `${client} - ${user} [${apacheTime(timeMs)}] "${escaped(`${method} ${path} ${protocol}`)}" ${status} ${bytes} ${quoted(referer)} ${quoted(userAgent)}`;
  }
  return JSON.stringify({
    level: "info",
    time: new Date(timeMs).toISOString(),
    event: "access",
    request_id: record.requestId,
    client,
    ...(key === undefined ? {} : { key }),
    method,
    path,
    protocol,
    status,
    bytes,
    ms: Math.round(durationMs),
    ...(referer === "" ? {} : { referer }),
    ...(userAgent === "" ? {} : { user_agent: userAgent }),
  });
}

// ---

const LONGEST = 512;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Keys and names are sometimes put there. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "").slice(0, LONGEST);
}

/** As nginx does: what could end the field or the line is written as its bytes. */
function escaped(text: string): string {
  return Array.from(Buffer.from(text, "utf8"), (byte) =>
    byte < 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x5c
      ? `\\x${byte.toString(16).padStart(2, "0")}`
      : String.fromCharCode(byte),
  ).join("");
}

function apacheTime(timeMs: number): string {
  const [date = "", time = ""] = new Date(timeMs).toISOString().split(/[T.]/);
  const [year, month, day] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}
