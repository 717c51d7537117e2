import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { GigasttError, messageOf } from "../shared/errors.ts";
import type { OutsideTarget } from "../shared/outside/client.ts";
import { printable } from "../shared/text/printable.ts";
import type { CommandContext, FlagSpec } from "./command.ts";
import { readSecretFile, readSecretInput } from "./secret-input.ts";
import { UsageError } from "./usage.ts";

/** Flags of the commands that look at a running service from outside. */
export const OUTSIDE_FLAGS: Readonly<Record<string, FlagSpec>> = {
  user: {
    type: "string",
    value: "NAME",
    describe: "user; the password is asked for in a terminal, or read from standard input",
  },
  "password-file": {
    type: "string",
    value: "FILE",
    describe: "read the user's password from the first line of this file",
  },
  "key-stdin": { type: "boolean", describe: "ask for an API key in a terminal, or read it from standard input" },
  cert: { type: "string", value: "FILE", describe: "client certificate, PEM" },
  key: { type: "string", value: "FILE", describe: "its private key, PEM" },
  open: { type: "boolean", describe: "the service is open on purpose: send no credentials" },
  ca: { type: "string", value: "FILE", describe: "CA to trust, PEM" },
  connect: {
    type: "string",
    value: "ADDRESS",
    describe: "connect to this address instead of resolving the name",
  },
  "http-port": { type: "string", value: "PORT", describe: "port of plain HTTP; default 80" },
};

/** The address and the flags as a target. Every mistake at once, with those the caller found. Throws UsageError. */
export async function outsideTarget(
  context: CommandContext,
  options: {
    readonly address: string | undefined;
    /** How messages name the address: `URL` or `--live`. */
    readonly name: string;
    /** Longest wait for one answer when --timeout says nothing, seconds. */
    readonly timeoutS: number;
    readonly command: string;
    readonly mistakes: readonly string[];
  },
): Promise<OutsideTarget> {
  const { flags } = context;
  const { address } = options;
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : undefined;
  const mistakes: string[] = [];
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== "/" ||
    url.search !== "" ||
    url.username !== ""
  ) {
    mistakes.push(
      `${options.name} must be an http or https address without path or password, got "${printable(address ?? "")}"; for example https://stt.example.com`,
    );
  }
  const connectTo = text("connect");
  if (connectTo !== undefined && isIP(connectTo) === 0)
    mistakes.push(`--connect must be an IP address, got "${connectTo}"`);
  const httpPort = text("http-port");
  if (httpPort !== undefined && !/^\d{1,5}$/.test(httpPort))
    mistakes.push(`--http-port must be a port, got "${httpPort}"`);
  const timeoutS = Number(text("timeout") ?? options.timeoutS);
  if (!(timeoutS >= 1 && timeoutS <= 600))
    mistakes.push(`--timeout must be 1 to 600 seconds, got "${text("timeout")}"`);
  mistakes.push(...options.mistakes);
  if ((flags["cert"] === undefined) !== (flags["key"] === undefined))
    mistakes.push("--cert needs --key, and --key needs --cert");
  if (flags["user"] !== undefined && flags["key-stdin"] === true)
    mistakes.push("--user and --key-stdin cannot be combined");
  if (flags["password-file"] !== undefined && flags["user"] === undefined)
    mistakes.push("--password-file needs --user NAME");
  if (mistakes.length > 0 || url === undefined) throw new UsageError(mistakes, [options.command]);
  const read = async (name: string): Promise<string | undefined> => {
    const path = text(name);
    if (path === undefined) return undefined;
    return readFile(resolve(context.cwd, path), "utf8").catch((error: unknown) => {
      throw new GigasttError("GST_USAGE", `--${name} ${path} cannot be read: ${messageOf(error)}. Check the path.`, {
        exitCode: 2,
      });
    });
  };
  const certificate = await read("cert");
  const privateKey = await read("key");
  return {
    url,
    httpPort: Number(httpPort ?? 80),
    connectTo,
    ca: await read("ca"),
    clientCertificate: certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey },
    authorization: await authorizationOf(context, text("user")),
    timeoutMs: timeoutS * 1000,
    signal: context.signal,
  };
}

async function authorizationOf(context: CommandContext, user: string | undefined): Promise<string | undefined> {
  if (user !== undefined) {
    const password = await passwordOf(context, user);
    return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
  if (context.flags["key-stdin"] !== true) return undefined;
  return `Bearer ${(await readSecretInput(context, "API key: ")).trim()}`;
}

async function passwordOf(context: CommandContext, user: string): Promise<string> {
  const { flags, env } = context;
  const file = flags["password-file"];
  if (typeof file === "string") return readSecretFile(context, "password-file", file);
  // Empty counts as not set, as for every other variable.
  return env["GIGASTT_PASSWORD"] || readSecretInput(context, `Password of ${printable(user)}: `);
}
