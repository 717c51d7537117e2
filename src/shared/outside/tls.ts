import { connect, type PeerCertificate, type SecureVersion, type TLSSocket } from "node:tls";
import { connectionOf, NoAnswerError, type OutsideTarget } from "./client.ts";
import { setTimeout } from "../time/timers.ts";

/** What a TLS handshake shows. */
export interface Handshake {
  /** For example `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  readonly certificate: PeerCertificate;
  /** Node's code for what is wrong with the certificate, e.g. `CERT_HAS_EXPIRED`; undefined when it is trusted. */
  readonly problem: string | undefined;
}

export interface HandshakeOptions {
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** OpenSSL's cipher list; with `DEFAULT@SECLEVEL=0` this side allows TLS 1.0 and 1.1 too. */
  readonly ciphers?: string;
  /** Show the target's client certificate. */
  readonly clientCertificate?: boolean;
  /** Ask for another name. */
  readonly servername?: string;
}

/** Makes one handshake, then closes the connection. The certificate is checked, but only a refused handshake rejects. */
export async function handshake(target: OutsideTarget, options: HandshakeOptions = {}): Promise<Handshake> {
  const { host, port, lookup, servername, ca, cert, key } = connectionOf(
    target,
    target.url,
    options.clientCertificate !== true,
    options.servername,
  );
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: host ?? "",
      port: Number(port),
      lookup,
      servername,
      ca,
      cert,
      key,
      minVersion: options.minVersion,
      maxVersion: options.maxVersion,
      ciphers: options.ciphers,
      rejectUnauthorized: false,
    });
    const stop = (error: Error): void => {
      socket.destroy();
      clearTimeout(timer);
      target.signal.removeEventListener("abort", aborted);
      reject(error);
    };
    const aborted = (): void => stop(new NoAnswerError("stopped"));
    // Not the socket's own timer: a peer that drips bytes would keep restarting it.
    const timer = setTimeout(
      () => stop(new NoAnswerError(`no answer within ${target.timeoutMs / 1000} s`)),
      target.timeoutMs,
    );
    target.signal.addEventListener("abort", aborted, { once: true });
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      target.signal.removeEventListener("abort", aborted);
      // Node gives a code in place of the error its types promise.
      const problem: unknown = socket.authorizationError;
      resolve({
        protocol: socket.getProtocol() ?? "TLS",
        cipher: socket.getCipher().name,
        certificate: socket.getPeerCertificate(),
        problem: socket.authorized ? undefined : problem instanceof Error ? codeOf(problem) : String(problem),
      });
      socket.destroy();
    });
    // Stays: what comes after the answer (a reset) must not be an uncaught event.
    socket.on("error", stop);
    // A peer that hangs up before the handshake is over may do so without an error.
    socket.once("close", () => stop(new Error("the connection was closed during the handshake")));
  });
}

// ---

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}
