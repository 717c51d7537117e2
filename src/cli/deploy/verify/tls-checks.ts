import { ask } from "../../../shared/outside/client.ts";
import { handshake } from "../../../shared/outside/tls.ts";
import type { VerifyTarget } from "./check.ts";

/** Trusted, made out to this name, and not near its end. */
export async function certificate(target: VerifyTarget): Promise<string> {
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
  const endMs = Date.parse(peer.valid_to);
  const leftMs = endMs - Date.now();
  // Short-lived certificates (Caddy's own CA: 12 hours) are renewed in the last third of their life.
  const lifeMs = endMs - Date.parse(peer.valid_from);
  const left = leftMs < 2 * DAY_MS ? `${Math.floor(leftMs / HOUR_MS)} hours` : `${Math.floor(leftMs / DAY_MS)} days`;
  if (leftMs < Math.min(14 * DAY_MS, lifeMs / 6))
    throw new Error(`it ends in ${left}: the renewal does not work. Look at the timer, or run gigastt certs renew`);
  return `${protocol}, ${left} left`;
}

function certificateProblem(code: string): string {
  if (code.includes("ALTNAME")) return "it is made out to another name: set deploy.domain to this one and render again";
  if (code.includes("EXPIRED")) return "it has expired: renew it";
  return `it is not trusted (${code}): give the CA with --ca, or use tls.mode: acme`;
}

/** Plain HTTP leads to the written-out name and keeps the method. */
export async function redirect(target: VerifyTarget): Promise<string> {
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

/** TLS 1.0 and 1.1 get no handshake. */
export async function oldTls(target: VerifyTarget): Promise<string> {
  const accepted = await handshake(target, {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  }).catch(() => undefined);
  if (accepted !== undefined) throw new Error(`${accepted.protocol} is accepted: allow TLS 1.2 and 1.3 only`);
  return "TLS 1.0 and 1.1 refused";
}

// ---

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
