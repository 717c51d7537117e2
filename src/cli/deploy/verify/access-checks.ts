import { ask, UPGRADE_HEADERS, type Answer } from "../../../shared/outside/client.ts";
import { field, firstLine, type VerifyTarget } from "./check.ts";

/** The proxy reaches the server, and the server is well. */
export async function health(target: VerifyTarget): Promise<string> {
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

/** Nobody comes in without credentials, also not by a WebSocket. */
export async function auth(target: VerifyTarget): Promise<string> {
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

/** The security headers are on answers of every kind. */
export async function headers(target: VerifyTarget): Promise<string> {
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

/** The measurements are for the machine itself. */
export async function metrics(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/metrics");
  if (answer.status === 200) throw new Error("/metrics is public: render the proxy's file again");
  return String(answer.status);
}

/** Pages of other sites are refused, our own are not. */
export async function origin(target: VerifyTarget): Promise<string> {
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

/** The proxy answers for its own name only. */
export async function unknownHost(target: VerifyTarget): Promise<string> {
  const answer = await ask(target, "/health", { headers: { Host: "gigastt-verify.invalid" }, anonymous: true }).catch(
    () => undefined,
  );
  if (answer === undefined) return "connection closed";
  if (answer.status === 421 || answer.status === 404 || answer.status === 400) return String(answer.status);
  throw new Error(
    `the name gigastt-verify.invalid gets ${answer.status}: the proxy answers for names that are not its own`,
  );
}
