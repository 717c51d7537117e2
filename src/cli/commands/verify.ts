import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { BYTES_PATTERN, parseBytes } from "../../shared/units.ts";
import type { Command, CommandContext } from "../command.ts";
import { CHECKS, type VerifyTarget } from "../deploy/verify/checks.ts";
import { paintFor, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Prove a deployment from outside",
  positionals: "URL",
  flags: {
    user: { type: "string", value: "NAME", describe: "user; the password is read from standard input" },
    "key-stdin": { type: "boolean", describe: "read an API key from standard input" },
    cert: { type: "string", value: "FILE", describe: "client certificate, PEM" },
    key: { type: "string", value: "FILE", describe: "its private key, PEM" },
    open: { type: "boolean", describe: "nobody is asked for credentials, on purpose" },
    ca: { type: "string", value: "FILE", describe: "CA to trust, PEM" },
    connect: {
      type: "string",
      value: "ADDRESS",
      describe: "connect to this address instead of asking the name server",
    },
    "http-port": { type: "string", value: "PORT", describe: "port of plain HTTP; default 80" },
    "body-limit": { type: "string", value: "SIZE", describe: "largest upload; default 50MiB" },
    timeout: { type: "string", value: "SECONDS", describe: "longest wait for one answer; default 30" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  help: `Certificate, redirect, health, authentication, headers, file, event stream, live session, upload limit: each line is proved by a real request. It sends one second of sound and about 20 requests, only to the URL given.

  gigastt verify https://stt.example.com --open
  printf %s "$PASSWORD" | gigastt verify https://stt.example.com --user anna
`,
  run: verify,
};

// ---

async function verify(context: CommandContext): Promise<number> {
  const target = await targetOf(context);
  const { stdout, flags } = context;
  const paint = paintFor(stdout, context);
  const results: { id: string; ok: boolean; detail: string }[] = [];
  const checks = CHECKS.filter((check) => check.tls !== true || target.url.protocol === "https:");
  for (const check of checks) {
    if (context.signal.aborted) break;
    let result: { ok: boolean; detail: string };
    try {
      result = { ok: true, detail: await check.run(target) };
    } catch (error) {
      result = { ok: false, detail: messageOf(error) };
    }
    results.push({ id: check.id, ...result });
    if (flags["json"] !== true)
      stdout.write(`${result.ok ? paint.green("ok    ") : paint.red("FAILED")}  ${check.title}: ${result.detail}\n`);
  }
  const failed = results.filter(({ ok }) => !ok).length;
  if (flags["json"] === true) writeJson(stdout, { url: target.url.origin, ok: failed === 0, checks: results });
  else if (failed > 0) context.stderr.write(`${failed} of ${results.length} checks failed.\n`);
  return failed === 0 && results.length === checks.length ? 0 : 1;
}

async function targetOf(context: CommandContext): Promise<VerifyTarget> {
  const { flags, positionals } = context;
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  const [address] = positionals;
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
      `URL must be an http or https address without path or password, got "${address}"; for example https://stt.example.com`,
    );
  }
  const connectTo = text("connect");
  if (connectTo !== undefined && isIP(connectTo) === 0)
    mistakes.push(`--connect must be an IP address, got "${connectTo}"`);
  const httpPort = text("http-port");
  if (httpPort !== undefined && !/^\d{1,5}$/.test(httpPort))
    mistakes.push(`--http-port must be a port, got "${httpPort}"`);
  const timeoutS = Number(text("timeout") ?? 30);
  if (!(timeoutS >= 1 && timeoutS <= 600))
    mistakes.push(`--timeout must be 1 to 600 seconds, got "${text("timeout")}"`);
  const limit = text("body-limit") ?? "50MiB";
  const bodyBytes = parseBytes(limit);
  if (bodyBytes === undefined)
    mistakes.push(`--body-limit must be a size such as 50MiB, got "${limit}" (${BYTES_PATTERN})`);
  if ((flags["cert"] === undefined) !== (flags["key"] === undefined)) mistakes.push("--cert and --key go together");
  if (flags["user"] !== undefined && flags["key-stdin"] === true)
    mistakes.push("--user and --key-stdin do not go together");
  if (mistakes.length > 0 || url === undefined) throw new UsageError(mistakes, ["verify"]);
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
    open: flags["open"] === true,
    bodyBytes: bodyBytes ?? 0,
    timeoutMs: timeoutS * 1000,
    signal: context.signal,
  };
}

async function authorizationOf(context: CommandContext, user: string | undefined): Promise<string | undefined> {
  if (user === undefined && context.flags["key-stdin"] !== true) return undefined;
  const chunks: Buffer[] = [];
  context.stdin.on("data", (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)));
  await once(context.stdin, "end");
  const secret = Buffer.concat(chunks).toString("utf8").trim();
  return user === undefined ? `Bearer ${secret}` : `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
}
