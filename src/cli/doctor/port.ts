import { createServer } from "node:net";
import { withDeadline } from "../../shared/deadline.ts";
import { portTaken, readListeners } from "../../checks/machine/port.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

/** The listening address: free, or in use by gigastt itself. */
export const port: DoctorCheck = {
  name: "port",
  run: async ({ config, system, signal }) => {
    const { host, port: number } = config.server;
    const address = host.includes(":") ? `[${host}]:${number}` : `${host}:${number}`;
    if (number === 0) return ok(`${address}: any free port`);
    const code = await tryListen(host, number);
    if (code === undefined) return ok(`${address} is free`);
    if (code === "EADDRINUSE") {
      const owner = readListeners(system)?.find((listener) => listener.port === number)?.process;
      if (await isOurs(address, signal))
        return ok(`${address} is served by gigastt${owner === undefined ? "" : ` (${owner})`}`);
      const { message, fix } = portTaken(address, owner);
      return fail(message, fix);
    }
    if (code === "EACCES") {
      return fail(
        `${address} needs root: ports below 1024 are privileged (${code})`,
        "Set server.port to 1024 or more and put a proxy in front.",
      );
    }
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
      return fail(
        `${host} is not an address of this machine (${code})`,
        "Set server.host to 127.0.0.1, or to an address that `ip addr` shows.",
      );
    }
    return warn(`${address} could not be tried (${code})`, "Check server.host and server.port.");
  },
};

/** Error code of listening there for a moment; undefined = it works. */
function tryListen(host: string, number: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: number, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function isOurs(address: string, signal: AbortSignal): Promise<boolean> {
  const reachable = address.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]");
  try {
    const answer = await fetch(`http://${reachable}/health`, {
      signal: withDeadline(signal, 2000),
      redirect: "error",
    });
    const body: unknown = await answer.json();
    return typeof body === "object" && body !== null && "status" in body && "model" in body && "version" in body;
  } catch {
    return false;
  }
}
