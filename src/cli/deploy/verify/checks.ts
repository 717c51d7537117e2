import { WebSocket } from "ws";
import { formatBytes } from "../../../shared/units.ts";
import {
  ask,
  connectionOf,
  NoAnswerError,
  UPGRADE_HEADERS,
  type Answer,
  type OutsideTarget,
} from "../../../shared/outside/client.ts";
import { handshake } from "../../../shared/outside/tls.ts";

/** What is verified, and what it must do. */
export interface VerifyTarget extends OutsideTarget {
  /** Nobody is asked for a password on purpose. */
  readonly open: boolean;
  /** The largest body that must pass, bytes; one more must be refused. */
  readonly bodyBytes: number;
}

/** One line of the report. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** Only over HTTPS. */
  readonly tls?: true;
  /** Returns what was seen; throws one sentence with the cure when it is not as it must be. */
  readonly run: (target: VerifyTarget) => Promise<string>;
}

/** Everything a person can prove from outside, in the order in which causes hide behind each other. */
export const CHECKS: readonly Check[] = [
  { id: "certificate", title: "Certificate", tls: true, run: certificate },
  { id: "redirect", title: "Plain HTTP leads to HTTPS", tls: true, run: redirect },
  { id: "old-tls", title: "Old TLS is refused", tls: true, run: oldTls },
  { id: "health", title: "Health", run: health },
  { id: "auth", title: "Authentication", run: auth },
  { id: "headers", title: "Security headers", run: headers },
  { id: "metrics", title: "Metrics are closed", run: metrics },
  { id: "origin", title: "Foreign pages are refused", run: origin },
  { id: "rest", title: "File", run: rest },
  { id: "sse", title: "Event stream", run: sse },
  { id: "websocket", title: "Live session", run: websocket },
  { id: "upload-limit", title: "Upload limit", run: uploadLimit },
  { id: "unknown-host", title: "Unknown name is refused", run: unknownHost },
];

/** Half a second of silence and a tone, 16 kHz mono WAV: enough for every route to answer, whatever the model hears in it. */
export function sampleWav(): Uint8Array {
  const samples = 16_000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(32_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = samples / 2; i < samples; i++) wav.writeInt16LE(Math.round(6000 * Math.sin(i / 8)), 44 + i * 2);
  return wav;
}

// ---

async function certificate(target: VerifyTarget): Promise<string> {
  const {
    certificate: peer,
    protocol,
    problem,
  } = await handshake(target, { clientCertificate: true }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOTFOUND"
      ? new Error("the name is not known to the name server: add an A or AAAA record", { cause: error })
      : error;
  });
  if (problem !== undefined) throw new Error(certificateProblem(problem));
  const daysLeft = Math.floor((Date.parse(peer.valid_to) - Date.now()) / 86_400_000);
  if (daysLeft < 14)
    throw new Error(
      `it ends in ${daysLeft} days: the renewal does not work. Look at the timer, or run gigastt certs renew`,
    );
  return `${protocol}, ${daysLeft} days left`;
}

function certificateProblem(code: string): string {
  if (code.includes("ALTNAME")) return "it is made out to another name: set deploy.domain to this one and render again";
  if (code.includes("EXPIRED")) return "it has expired: renew it";
  return `it is not trusted (${code}): give the CA with --ca, or use tls.mode: acme`;
}

async function redirect(target: VerifyTarget): Promise<string> {
  const plainUrl = new URL(target.url);
  plainUrl.protocol = "http:";
  plainUrl.port = String(target.httpPort);
  const answer = await ask(target, "/v1/models?a=b", { origin: plainUrl, anonymous: true });
  const wanted = `${target.url.origin}/v1/models?a=b`;
  if (answer.status !== 308)
    throw new Error(`plain HTTP answers ${answer.status}, not 308: no other status keeps the method of a POST`);
  if (answer.headers.location !== wanted)
    throw new Error(`it leads to ${answer.headers.location}, not to ${wanted}: the name must be written out`);
  return `308 to ${target.url.origin}`;
}

async function oldTls(target: VerifyTarget): Promise<string> {
  const accepted = await handshake(target, {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  }).catch(() => undefined);
  if (accepted !== undefined) throw new Error(`${accepted.protocol} is accepted: allow TLS 1.2 and 1.3 only`);
  return "TLS 1.0 and 1.1 refused";
}

async function health(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/health", { anonymous: target.clientCertificate === undefined });
  const model = field(answer.body, "model");
  if (answer.status === 502 || answer.status === 503 || answer.status === 504)
    throw new Error(
      `${answer.status}: the proxy does not reach the server. Is it running, and is the upstream address right?`,
    );
  if (answer.status !== 200 || field(answer.body, "status") !== "ok")
    throw new Error(`answers ${answer.status}: ${firstLine(answer.body)}. /health must be public and reach the server`);
  return `ok, model ${model}`;
}

async function auth(target: VerifyTarget): Promise<string> {
  const anonymous = await ask(target, "/v1/models", { anonymous: true }).catch((error: unknown) => {
    // A proxy that wants a certificate may refuse the handshake itself.
    if (target.clientCertificate !== undefined) return undefined;
    throw error;
  });
  const refused = anonymous === undefined || [400, 401, 403].includes(anonymous.status);
  if (target.open) {
    if (refused) throw new Error("a password is asked for; leave --open out and give credentials");
    return "open on purpose";
  }
  if (!refused)
    throw new Error(
      `everybody may come in (${anonymous?.status} without credentials): set deploy.auth.kind, or say --open if that is meant`,
    );
  const known = await ask(target, "/v1/models");
  if (known.status !== 200) throw new Error(`the credentials given are refused with ${known.status}`);
  // A WebSocket handshake takes another way through a proxy.
  const socket = await ask(target, "/v1/ws", { anonymous: true, headers: UPGRADE_HEADERS }).catch(() => undefined);
  if (socket !== undefined && ![400, 401, 403].includes(socket.status))
    throw new Error(`a live session without credentials gets ${socket.status}: /v1/ws is not protected`);
  return anonymous === undefined
    ? "no handshake without a certificate"
    : `${anonymous.status} without credentials, 200 with them`;
}

async function headers(target: VerifyTarget): Promise<string> {
  const wanted: readonly (readonly [string, RegExp])[] = [
    ...(target.url.protocol === "https:" ? [["strict-transport-security", /^max-age=\d+/] as const] : []),
    ["x-content-type-options", /^nosniff$/],
    ["x-frame-options", /^(?:DENY|SAMEORIGIN)$/],
    ["referrer-policy", /^no-referrer$/],
    ["permissions-policy", /microphone=/],
    ["content-security-policy", /default-src 'none'/],
  ];
  const answers: readonly (readonly [string, Answer])[] = [
    ["/health", await ask(target, "/health")],
    ["a missing page", await ask(target, "/gigastt-verify-missing")],
    ...(target.open
      ? []
      : [
          [
            "a refused request",
            await ask(target, "/v1/models", { anonymous: target.clientCertificate === undefined }),
          ] as const,
        ]),
  ];
  for (const [name, answer] of answers) {
    const missing = wanted
      .filter(([header, pattern]) => !pattern.test(String(answer.headers[header] ?? "")))
      .map(([header]) => header);
    if (missing.length > 0)
      throw new Error(`${name} (${answer.status}) lacks ${missing.join(", ")}: render the proxy's file again`);
  }
  const age = /max-age=(\d+)/.exec(String(answers[0]![1].headers["strict-transport-security"]))?.[1];
  return `on ${answers.map(([, { status }]) => status).join(", ")}${age === undefined ? "" : `; HSTS ${age} s`}`;
}

async function metrics(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/metrics");
  if (answer.status === 200) throw new Error("/metrics is public: render the proxy's file again");
  return String(answer.status);
}

async function origin(target: VerifyTarget): Promise<string> {
  const foreign = await ask(target, "/v1/models", { headers: { Origin: "https://gigastt-verify.invalid" } });
  if (foreign.status !== 403)
    throw new Error(
      `a page of another site gets ${foreign.status}, not 403: check server.allowedOrigins and corsAllowAny`,
    );
  const own = await ask(target, "/v1/models", { headers: { Origin: target.url.origin } });
  if (own.status !== 200)
    throw new Error(`this service's own pages get ${own.status}: add ${target.url.origin} to server.allowedOrigins`);
  return `403; ${target.url.origin} allowed`;
}

async function rest(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/v1/transcribe", {
    method: "POST",
    body: sampleWav(),
    announcedBytes: sampleWav().length,
  });
  if (answer.status !== 200 || field(answer.body, "text") === undefined)
    throw new Error(`a second of audio gets ${answer.status}: ${firstLine(answer.body)}`);
  return `1 s of audio in ${Math.round(answer.piecesAtMs[0] ?? 0)} ms`;
}

async function sse(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/v1/transcribe/stream", {
    method: "POST",
    body: sampleWav(),
    announcedBytes: sampleWav().length,
  });
  const type = String(answer.headers["content-type"]);
  if (answer.status !== 200 || !type.startsWith("text/event-stream"))
    throw new Error(`gets ${answer.status} ${type}: ${firstLine(answer.body)}`);
  if (!/^data: .*"type":"final"/m.test(answer.body)) throw new Error("the stream ended without a final event");
  if (answer.headers["content-encoding"] !== undefined)
    throw new Error(`the proxy compresses it (${answer.headers["content-encoding"]}): events would come late`);
  return "final event received";
}

async function websocket(target: VerifyTarget): Promise<string> {
  const url = new URL("/v1/ws", target.url);
  url.protocol = target.url.protocol === "https:" ? "wss:" : "ws:";
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      ...connectionOf(target, target.url, false),
      headers: target.authorization === undefined ? {} : { Authorization: target.authorization },
      perMessageDeflate: false,
      handshakeTimeout: target.timeoutMs,
    });
    const timer = setTimeout(() => fail("the session does not end after stop"), target.timeoutMs);
    let final = false;
    let readyAtMs = 0;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      socket.terminate();
      reject(new Error(reason));
    };
    socket.on("unexpected-response", (_request, response) =>
      fail(
        `the handshake gets ${response.statusCode}: ${response.statusCode === 403 ? "origin or credentials" : "the proxy does not pass upgrades on"}`,
      ),
    );
    socket.on("error", (error) => fail(error.message));
    socket.on("message", (data: Buffer) => {
      const type = field(data.toString(), "type");
      if (type === "ready") {
        readyAtMs = performance.now() - started;
        socket.send(JSON.stringify({ type: "configure", sample_rate: 16_000 }));
        socket.send(sampleWav().subarray(44));
        socket.send(JSON.stringify({ type: "stop" }));
      } else if (type === "final") final = true;
      else if (type === "error") fail(`the server says: ${field(data.toString(), "message")}`);
    });
    socket.on("close", (code) => {
      clearTimeout(timer);
      if (code === 1000 && final) resolve(`ready in ${Math.round(readyAtMs)} ms, final, closed 1000`);
      else fail(`it closed with ${code}${final ? "" : " before a final"}`);
    });
  });
}

/** Only announces the sizes: the bytes themselves are never sent. */
async function uploadLimit(target: VerifyTarget): Promise<string> {
  const announce = async (announcedBytes: number): Promise<number | undefined> => {
    const options = {
      method: "POST",
      announcedBytes,
      body: new Uint8Array(1024),
      timeoutMs: Math.min(2000, target.timeoutMs),
    };
    return ask(target, "/v1/transcribe", options).then(
      ({ status }) => status,
      (error: unknown) => {
        if (error instanceof NoAnswerError) return undefined;
        throw error;
      },
    );
  };
  const fitting = await announce(target.bodyBytes);
  if (fitting !== undefined)
    throw new Error(
      `${formatBytes(target.bodyBytes)} gets ${fitting} before it is sent: the proxy allows less than the server, or --body-limit is not theirs`,
    );
  const over = await announce(target.bodyBytes + 1);
  if (over !== 413)
    throw new Error(
      `one byte over ${formatBytes(target.bodyBytes)} gets ${over ?? "no refusal"}, not 413: proxy and server disagree, or --body-limit is not theirs`,
    );
  return `${formatBytes(target.bodyBytes)} pass, one byte more gets 413`;
}

async function unknownHost(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/health", { headers: { Host: "gigastt-verify.invalid" }, anonymous: true }).catch(
    () => undefined,
  );
  if (answer === undefined) return "connection closed";
  if (answer.status === 421 || answer.status === 404 || answer.status === 400) return String(answer.status);
  throw new Error(
    `the name gigastt-verify.invalid gets ${answer.status}: the proxy answers for names that are not its own`,
  );
}

function field(body: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(body: string): string {
  const error = field(body, "error");
  return (typeof error === "string" ? error : body.split("\n")[0]!).slice(0, 120);
}
