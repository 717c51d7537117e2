/** Why a download step failed, as a clause without a full stop. Retriable ones are tried again, from where it broke off. */
export class DownloadProblem extends Error {
  readonly retriable: boolean;
  /** What the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What to do, as a sentence; undefined = the caller's general advice. */
  readonly cure: string | undefined;
  /** The bytes received are worthless: the next try starts from zero. */
  readonly discard: boolean;

  constructor(
    message: string,
    options: {
      readonly cause?: unknown;
      readonly retriable?: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly cure?: string;
      readonly discard?: boolean;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DownloadProblem";
    this.retriable = options.retriable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.cure = options.cure;
    this.discard = options.discard ?? false;
  }
}

/** Returns the problem of a failure below HTTP: name resolution, connection, TLS, proxy. */
export function problemOfNetworkError(error: unknown, host: string): DownloadProblem {
  if (error instanceof DownloadProblem) return error;
  const code = codeOf(error);
  if (code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_TLS|^ERR_SSL/.test(code)) {
    return new DownloadProblem(`the certificate of ${host} is not trusted (${code})`, {
      cause: error,
      cure: "If your network inspects TLS, give Node its certificate with NODE_EXTRA_CA_CERTS=/path/ca.pem.",
    });
  }
  if (error instanceof Error && /Proxy response \((\d+)\)/.test(error.message)) {
    return new DownloadProblem(`the proxy refused the connection to ${host} (${error.message})`, {
      cause: error,
      cure: "Check HTTPS_PROXY with its user and password, and NO_PROXY.",
    });
  }
  const what =
    code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `the name ${host} cannot be resolved (${code})`
      : code === "UND_ERR_CONNECT_TIMEOUT"
        ? `${host} does not answer`
        : `the connection to ${host} failed (${code ?? (error instanceof Error ? error.message : String(error))})`;
  return new DownloadProblem(what, { cause: error, retriable: true });
}

/** Returns the milliseconds of a `Retry-After` header: seconds or an HTTP date; undefined when absent or unreadable. */
export function parseRetryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse reads far more than HTTP dates, e.g. "-5"; those all begin with the name of a day.
  const atMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** Returns what an HTTP status other than 200, 206 and 416 means for the download. */
export function problemOfStatus(status: number, shownUrl: string, retryAfterMs: number | undefined): DownloadProblem {
  if (status === 404 || status === 410) {
    return new DownloadProblem(`${shownUrl} does not exist (${status})`, {
      cure: "Check the base address: model.mirror, or --from. It must hold the files of models/registry.json under their names.",
    });
  }
  if (status === 401 || status === 403) {
    return new DownloadProblem(`${shownUrl} cannot be read: access denied (${status})`, {
      cure: "Check the user and password of the mirror, or whether your network blocks the site.",
    });
  }
  if (status === 407) {
    return new DownloadProblem("the proxy requires a user and password (407)", {
      cure: "Put them into HTTPS_PROXY, e.g. http://user:password@proxy:3128.",
    });
  }
  const retriable = status === 408 || status === 425 || status === 429 || status >= 500;
  return new DownloadProblem(`${shownUrl} answered ${status}`, { retriable, retryAfterMs });
}

function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") return at.code;
    // undici reports several addresses tried as one AggregateError.
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return undefined;
}
