import type { LookupFunction } from "node:net";
import { describe, it } from "vitest";
import type { ClientOptions } from "ws";
import { connect, type WsClient } from "../../support/ws-client.ts";
import { DOMAIN, PASSWORD, type Front, type RunningFront } from "./front.ts";

export const MIB: number = 2 ** 20;
export const BASIC: readonly [string, string] = [
  "Authorization",
  `Basic ${Buffer.from(`anna:${PASSWORD}`).toString("base64")}`,
];

/** The eight headers by which a client may claim another address. */
export const FORGED: readonly (readonly [name: string, value: string])[] = [
  ["X-Forwarded-For", "6.6.6.6"],
  ["X-Real-IP", "6.6.6.6"],
  ["Forwarded", "for=6.6.6.6"],
  ["X-Client-IP", "6.6.6.6"],
  ["True-Client-IP", "6.6.6.6"],
  ["CF-Connecting-IP", "6.6.6.6"],
  ["X-Cluster-Client-IP", "6.6.6.6"],
  ["X-Original-Forwarded-For", "6.6.6.6"],
];

/** Every route that is not public, and some that try to look like one. */
export const PROTECTED: readonly string[] = [
  "/",
  "/ready",
  "/v1/models",
  "/v1/transcribe",
  "/v1/transcribe/stream",
  "/v1/ws",
  "/ws",
  "/anything",
  "/health/x",
  "/HEALTH/../v1/models",
];

/** `describe` for a front of this machine; skipped with the reason in its name where the program is missing. */
export function describeFront(front: Front, topic: string, body: () => void): void {
  const missing = front.missing === undefined ? "" : ` (skipped: ${front.missing})`;
  (front.missing === undefined ? describe : describe.skip)(`${front.name}${topic}${missing}`, body);
}

/** `it` for a case that speaks about the proxy: without one it is listed with the reason. */
export function proxyCase(
  front: Front,
  reason: string,
): (name: string, options: { timeout?: number }, body: () => Promise<void>) => void {
  if (front.kind === "none") return (name) => it.skip(`${name} (not applicable without a proxy: ${reason})`);
  return (name, options, body) => it(name, options, body);
}

/** `it` for what not every program can do: elsewhere it is listed with the reason. */
export function caseWhere(can: boolean, reason: string): (name: string, body: () => Promise<void>) => void {
  return can ? (name, body) => it(name, body) : (name) => it.skip(`${name} (not for this proxy: ${reason})`);
}

/** A live session through the front. */
export async function openSession(
  running: RunningFront,
  localAddress?: string,
  headers: Record<string, string> = { [BASIC[0]]: BASIC[1] },
  handshakeTimeout = 20_000,
): Promise<WsClient> {
  // `ws` hands these on to node:tls, but its types leave two of them out.
  const options: ClientOptions & { servername: string; lookup: LookupFunction } = {
    ca: running.ca,
    servername: DOMAIN,
    // The name is not in any name server: the socket goes to this machine.
    lookup: (_host, { all }, callback) =>
      all === true ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4),
    headers,
    handshakeTimeout,
    ...(localAddress === undefined ? {} : { localAddress }),
  };
  return connect(`${running.ca === undefined ? "ws" : "wss"}://${DOMAIN}:${running.httpsPort}/v1/ws`, options);
}

/** Speaks a little, stops, and waits for the last final. Resolves with the close code. */
export async function finishSession(client: WsClient): Promise<number> {
  client.send({ type: "configure", sample_rate: 16_000 });
  client.audio(new Uint8Array(3200));
  client.send({ type: "stop" });
  await client.nextOf("final");
  return (await client.closed).code;
}
