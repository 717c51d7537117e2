import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { fileURLToPath } from "node:url";
import { connect, type WsClient } from "../../support/ws-client.ts";

export const DOMAIN = "stt.example.com";

/** Somebody outside: connects to an address, means a name. */
export interface Client {
  readonly address: string;
  /** CA of the server; undefined = plain HTTP. */
  readonly ca?: string;
  readonly port?: number;
  readonly user?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own. */
export function ask(
  client: Client,
  path: string,
  body?: Buffer,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const make = client.ca === undefined ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    const request = make(
      {
        ...place(client),
        path,
        method: body === undefined ? "GET" : "POST",
        agent: false,
        headers: { ...headers(client), ...more },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode!, body: text })); // an answer has one
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** A live session that is ready for audio. */
export async function openSession(client: Client): Promise<WsClient> {
  const scheme = client.ca === undefined ? "ws" : "wss";
  const host = client.address.includes(":") ? `[${client.address}]` : client.address;
  const port = client.port ?? (client.ca === undefined ? 80 : 443);
  const options = { ...place(client), headers: headers(client) };
  const session = await connect(`${scheme}://${host}:${port}/v1/ws`, options);
  await session.nextOf("ready");
  session.send({ type: "configure", sample_rate: 16000 });
  return session;
}

const EVAL = fileURLToPath(new URL("../../fixtures/eval/", import.meta.url));

/** A recording of the evaluation set, 16 kHz mono. */
export const WAV: Buffer = readFileSync(`${EVAL}dev_espeak_00.wav`);
/** About six seconds of speech. */
export const PCM: Buffer = WAV.subarray(44);

/** Speaks until the first words are heard, and stops in mid-sentence: the rest waits for the end. */
export async function beginSentence(session: WsClient): Promise<void> {
  const quiet = new AbortController();
  const talking = speak(session, quiet.signal);
  let words = "";
  while (words.length < 10) words = String((await session.nextOf("partial"))["text"]);
  quiet.abort();
  await talking;
}

/** Streams the recording once, at twice the speed of speech. */
export async function speak(session: WsClient, quiet?: AbortSignal): Promise<void> {
  for (let at = 0; at < PCM.length; at += CHUNK) {
    if (quiet?.aborted === true) return;
    session.audio(PCM.subarray(at, at + CHUNK));
    await new Promise((resolve) => setTimeout(resolve, CHUNK / BYTES_PER_MS / 2));
  }
}

const BYTES_PER_MS = 32;
const CHUNK = 100 * BYTES_PER_MS;

// ---

/** Proxies are asked by name, the server itself by address: it knows no public name. */
function headers({ user, port }: Client): Record<string, string> {
  return {
    ...(port === undefined ? { host: DOMAIN } : {}),
    ...(user === undefined ? {} : { authorization: `Basic ${Buffer.from(user).toString("base64")}` }),
  };
}

function place({ address, port, ca, cert, key }: Client): Place {
  return { host: address, port: port ?? (ca === undefined ? 80 : 443), servername: DOMAIN, ca, cert, key };
}

type Place = { readonly host: string; readonly port: number; readonly servername: string } & Pick<
  Client,
  "ca" | "cert" | "key"
>;
