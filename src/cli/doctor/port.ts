import { connect, createServer } from "node:net";
import { listenersOf } from "../../config/listeners.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { placeText } from "../../shared/listeners.ts";
import type { ListenerSpec, ListenPlace } from "../../shared/listeners.ts";
import { portTaken, readListeners } from "../../checks/machine/port.ts";
import { ok } from "../../audit/observe/verdict.ts";
import type { Verdict } from "../../audit/observe/verdict.ts";
import type { Machine } from "../../checks/machine.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

/** The listening addresses: free, or in use by gigastt itself. */
export const port: DoctorCheck = {
  name: "port",
  run: async ({ config, system, signal }) => {
    const verdicts = await Promise.all(
      listenersOf(config).map(({ spec, place }) =>
        "socket" in place ? ok(`${place.socket}: a unix socket`) : checkPlace({ spec, place, system, signal }),
      ),
    );
    const problems = verdicts.flatMap((verdict) => (verdict.result === "found" ? verdict.problems : []));
    if (problems.length > 0) return { result: "found", problems };
    return ok(verdicts.map((verdict) => (verdict.result === "ok" ? verdict.detail : "")).join("; "));
  },
};

// ---

interface PlaceOptions {
  readonly spec: ListenerSpec;
  readonly place: Exclude<ListenPlace, { readonly socket: string }>;
  readonly system: Machine;
  readonly signal: AbortSignal;
}

async function checkPlace({ spec, place, system, signal }: PlaceOptions): Promise<Verdict> {
  const { section } = spec;
  const { host, port: number } = place;
  const address = placeText(place);
  if (number === 0) return ok(`${address}: any free port`);
  const code = await tryListen(host, number);
  if (code === undefined) return ok(`${address} is free`);
  if (code === "EADDRINUSE") {
    const owner = readListeners(system)?.find((listener) => listener.port === number)?.process;
    const isOurs = spec.protocol === "wyoming" ? isOurWyoming : isOurHttp;
    if (await isOurs({ host: reachable(host), port: number }, signal))
      return ok(`${address} is served by gigastt${owner === undefined ? "" : ` (${owner})`}`);
    const { message, fix } = portTaken(address, owner, section);
    return fail(message, fix);
  }
  if (code === "EACCES") {
    return fail(
      `${address} needs root: ports below 1024 are privileged (${code})`,
      `Set ${section}.port to 1024 or more${spec.tls === "proxy" ? " and put a proxy in front" : ""}.`,
    );
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return fail(
      `${host} is not an address of this machine (${code})`,
      `Set ${section}.host to 127.0.0.1, or to an address that \`ip addr\` shows.`,
    );
  }
  return warn(`${address} could not be tried (${code})`, `Check ${section}.host and ${section}.port.`);
}

/** Error code of listening there for a moment; undefined = it works. */
function tryListen(host: string, number: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: number, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The health of the HTTP port, or what the Vosk port answers to a plain request. */
async function isOurHttp(address: Address, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(`http://${placeText(address)}/health`, {
      signal: withDeadline(signal, ANSWER_MS),
      redirect: "error",
    });
    const body: unknown = await answer.json();
    if (typeof body !== "object" || body === null) return false;
    return answer.status === 426 ? "code" in body : "status" in body && "model" in body && "version" in body;
  } catch {
    return false;
  }
}

function isOurWyoming(address: Address, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ ...address, signal: withDeadline(signal, ANSWER_MS) });
    const end = (isOurs: boolean): void => {
      resolve(isOurs);
      socket.destroy();
    };
    socket.on("error", () => end(false)).on("close", () => end(false));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (text.includes('"gigastt"')) end(true);
      if (text.length > 10_000) end(false);
    });
    socket.write('{"type":"describe"}\n');
  });
}

const ANSWER_MS = 2000;

function reachable(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}
