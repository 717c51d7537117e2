import type { ResolvedConfig } from "../../config/types.ts";

const ANSWER_MS = 3000;

/** When the certificate ends that this machine's proxy serves, Unix milliseconds; undefined when it serves none. Asked over TLS, as its file may belong to another user. */
export async function servedCertificateEnd({ deploy }: ResolvedConfig): Promise<number | undefined> {
  if (deploy.tls.mode === "none" || deploy.proxy.kind === "none") return undefined;
  // TLS costs some megabytes: only where it is needed.
  const { connect } = await import("node:tls");
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: deploy.httpsPort,
      servername: deploy.domain ?? "",
      // Whether clients trust it is for `gigastt verify`.
      rejectUnauthorized: false,
    });
    const finish = (endMs: number | undefined): void => {
      socket.destroy();
      resolve(endMs);
    };
    socket.setTimeout(ANSWER_MS, () => finish(undefined));
    socket.once("error", () => finish(undefined));
    socket.once("secureConnect", () => finish(Date.parse(socket.getPeerCertificate().valid_to) || undefined));
  });
}
