import { join } from "node:path";
import { runCli, type CliResult } from "../../support/cli.ts";
import { DOMAIN, type RunningFront } from "./front.ts";

/** `gigastt verify` of a front; what goes to standard input is the password. */
export async function verifyFront(
  running: RunningFront,
  flags: readonly string[],
  stdin: string,
  env: NodeJS.ProcessEnv = {},
): Promise<CliResult> {
  return runCli([...verifyArguments(running), ...flags], running.dir, { stdin, env });
}

/** How `gigastt verify` reaches a front of a test. */
export function verifyArguments(running: RunningFront): readonly string[] {
  return [
    "verify",
    `https://${DOMAIN}:${running.httpsPort}`,
    "--connect",
    "127.0.0.1",
    "--http-port",
    String(running.httpPort),
    "--ca",
    join(running.dir, "server-ca.pem"),
  ];
}
