import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { WireError } from "../../../shared/errors.ts";
import { errorForm } from "../../../shared/error-forms.ts";
import type { Face } from "../../../shared/protocol.ts";
import { SECURITY_HEADERS } from "./reply.ts";

/** Answers on a bare socket, where no ServerResponse exists (refused upgrades, broken requests), and ends the connection. */
export function writeRawError(
  socket: Socket,
  error: WireError,
  headers: Readonly<Record<string, string>>,
  face: Face = "native",
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { body, headers: own } = errorForm(error, face);
  const all: Record<string, string> = {
    ...SECURITY_HEADERS,
    ...own,
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
    date: new Date().toUTCString(),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  socket.destroySoon();
}
