import { join } from "node:path";
import { runCli, type CliResult } from "../../support/cli.ts";
import { DOMAIN, type RunningFront } from "./front.ts";

/** `gigastt verify` of a front; what goes to standard input is the password. */
export async function verifyFront(running: RunningFront, flags: readonly string[], stdin: string): Promise<CliResult> {
  return runCli(
    [
      "verify",
      `https://${DOMAIN}:${running.httpsPort}`,
      "--connect",
      "127.0.0.1",
      "--http-port",
      String(running.httpPort),
      "--ca",
      join(running.dir, "server-ca.pem"),
      ...flags,
    ],
    running.dir,
    { stdin },
  );
}
